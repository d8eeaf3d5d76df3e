import { modelGuard } from "../composition/model.ts";
import { guardOfRequests } from "../composition/request.ts";
import { readConfig } from "../config/config.ts";
import { adaptiveLimit, learning } from "../resilience/adaptive-limit.ts";
import { breaker } from "../resilience/breaker.ts";
import { bulkhead } from "../resilience/bulkhead.ts";
import { deadlineIn } from "../resilience/deadline.ts";
import { type Policy, wrap } from "../resilience/policy.ts";
import { retry } from "../resilience/retry.ts";
import { retryBudget } from "../resilience/retry-budget.ts";
import { shedding } from "../resilience/shedding.ts";
import { timeout } from "../resilience/timeout.ts";
import { createLog } from "../telemetry/log.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { observed } from "../telemetry/observed.ts";

/**
 * What each policy costs a call that succeeds at once, in µs and as a ratio to an empty async call with a signal of its
 * own, measured in the same run: rounds of all of them take turns, and medians are told, so that a busy machine slows
 * all alike. `npm run bench:policies -- 30` makes 30 rounds.
 */
const rounds = Number(process.argv[2] ?? 15);
const callsPerRound = 20_000;

const now = performance.now.bind(performance);
const never = () => false;
const nothing = () => undefined;
const config = readConfig({ BW_MODEL_URL: "http://127.0.0.1:9" });
const metrics = createMetrics();
const guardOfModel = modelGuard(config, { log: createLog("silent"), metrics, onProblem: nothing });
const guardOfRequest = guardOfRequests(config, metrics);
const { breakers, retries, shed } = config;
if (breakers === undefined || retries === undefined || shed === undefined) {
  throw new Error("every policy is on by default");
}

const limit = adaptiveLimit(shed);
const admission = shedding({ limit, delayMs: () => 0, onShed: nothing, now });
const retryDeps = {
  budget: retryBudget(retries.budget),
  retryAfterMs: nothing,
  turnedAway: never,
  remainingMs: () => 1000,
  onDecision: nothing,
  random: Math.random,
};

const facts = { tenant: "public", priority: "normal", deadline: undefined, delivered: never } as const;

/** One object for all calls where the service has one for all calls, else one for each. */
const same = (policy: Policy) => () => policy;
const policies: Record<string, () => Policy> = {
  empty: same((call) => call),
  observed: same(observed("model", metrics.dependencyCall)),
  timeout: same(timeout(1000)),
  breaker: same(breaker(breakers.model, { isFailure: never, onState: nothing, now })),
  bulkhead: same(bulkhead({ limit: 100, queue: 50 }).policy),
  learning: same(learning({ limit, targetMs: 100, inFlight: () => 1, verdictOf: () => "nothing", now })),
  retry: () => retry(retries, retryDeps),
  deadline: () => deadlineIn(2000, now).policy,
  shedding: () => admission.policy("normal"),
  "the model's guard": () => guardOfModel(facts),
  "the request's guard": () => guardOfRequest({}, "normal").policy,
  "both guards": () => wrap(guardOfRequest({}, "normal").policy, guardOfModel(facts)),
};

async function microsPerCall(policyOf: () => Policy): Promise<number> {
  const call = async () => 7;
  const began = now();
  for (let i = 0; i < callsPerRound; i++) await policyOf()(call)(new AbortController().signal);
  return ((now() - began) * 1000) / callsPerRound;
}

const measured = new Map<string, number[]>(Object.keys(policies).map((name) => [name, []]));
for (let round = -1; round < rounds; round++) {
  for (const [name, policyOf] of Object.entries(policies)) {
    const micros = await microsPerCall(policyOf);
    // The first round is the compiler's.
    if (round >= 0) measured.get(name)?.push(micros);
  }
}

const median = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
const emptyMicros = median(measured.get("empty") ?? []);
console.log(`${rounds} rounds of ${callsPerRound} calls; medians`);
for (const [name, values] of measured) {
  const micros = median(values);
  const own = `${(micros - emptyMicros).toFixed(2)} µs of its own`;
  console.log(
    `${name.padEnd(20)} ${micros.toFixed(2).padStart(6)} µs  ${(micros / emptyMicros).toFixed(1).padStart(5)} x  ${own}`,
  );
}
