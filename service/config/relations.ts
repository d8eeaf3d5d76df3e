import { z } from "zod";
import { httpVariables } from "./http.ts";
import { invalidationVariables } from "./invalidation.ts";
import { policyVariables } from "./policies.ts";

/** In each pair, the first must not be more than the second. Where it is not set, it is lowered instead. */
const ordered = [
  ["BW_HEADERS_TIMEOUT_MS", "BW_REQUEST_TIMEOUT_MS"],
  ["BW_BREAKER_MINIMUM_CALLS", "BW_BREAKER_WINDOW_CALLS"],
  ["BW_MODEL_MIN_CONCURRENCY", "BW_MODEL_CONCURRENCY"],
  ["BW_SHED_MIN_REQUESTS", "BW_SHED_MAX_REQUESTS"],
  ["BW_RETRY_BASE_MS", "BW_RETRY_MAX_MS"],
] as const;

/**
 * The same, where both are on. Not lowered: who gives a drain less time than the default deadlines may take has chosen
 * to cut off the longest.
 */
const drainable = ["BW_DEADLINE_MAX_MS", "BW_DRAIN_MS"] as const;

/** While the model works nothing moves on the caller's connection, which may be for all of the deadline. */
function idleProblems(env: Readonly<Record<string, string | undefined>>): string[] {
  const { data: idleMs } = variables.BW_SOCKET_IDLE_MS.safeParse(env["BW_SOCKET_IDLE_MS"]);
  const { data: longestMs } = variables.BW_DEADLINE_MAX_MS.safeParse(env["BW_DEADLINE_MAX_MS"]);
  if (idleMs === undefined || longestMs === undefined || idleMs >= longestMs) return [];
  return [`BW_SOCKET_IDLE_MS="${idleMs}": must be no less than BW_DEADLINE_MAX_MS, ${longestMs}`];
}

/** Between two polls nothing may be heard; a bound of no more than that makes the cache useless half of the time. */
function blindProblems(env: Readonly<Record<string, string | undefined>>): string[] {
  const { data: maxBlindMs } = variables.BW_INVALIDATION_MAX_BLIND_MS.safeParse(
    env["BW_INVALIDATION_MAX_BLIND_MS"],
  );
  const { data: pollMs } = variables.BW_INVALIDATION_POLL_MS.safeParse(env["BW_INVALIDATION_POLL_MS"]);
  if (maxBlindMs === undefined || pollMs === undefined || maxBlindMs >= 2 * pollMs) return [];
  return [
    `BW_INVALIDATION_MAX_BLIND_MS="${maxBlindMs}": must be no less than twice BW_INVALIDATION_POLL_MS, ${pollMs}`,
  ];
}

const variables = z.object({
  ...httpVariables.shape,
  ...policyVariables.shape,
  ...invalidationVariables.shape,
}).shape;

/** Settings that are right alone and wrong together. Apart from the schema, so that they are told with the others. */
export function relationProblems(env: Readonly<Record<string, string | undefined>>): string[] {
  const hasDeadlines = env["BW_TIMEOUT"] !== "off";
  const pairs = hasDeadlines ? [...ordered, drainable] : ordered;
  const problems = pairs.flatMap(([name, other]) => {
    const { data: value } = variables[name].safeParse(env[name]);
    const { data: most } = variables[other].safeParse(env[other]);
    if (env[name] === undefined || value === undefined || most === undefined || value <= most) return [];
    return [`${name}="${env[name]}": must not be more than ${other}, ${most}`];
  });
  if (hasDeadlines) problems.push(...idleProblems(env));
  problems.push(...blindProblems(env));
  if (env["BW_TENANT_BURST"] !== undefined && env["BW_TENANT_RATE"] === undefined) {
    problems.push(`BW_TENANT_BURST="${env["BW_TENANT_BURST"]}": has no effect without BW_TENANT_RATE`);
  }
  if (env["BW_TRACING"] === "otlp" && env["BW_TRACING_URL"] === undefined) {
    problems.push("BW_TRACING_URL: must be set where BW_TRACING is otlp");
  }
  return problems;
}
