import { closestMatch } from "leven";
import { z } from "zod";
import { answeringSettings, answeringVariables } from "./answering.ts";
import { cacheSettings, cacheVariables } from "./cache.ts";
import { dependencySettings, dependencyVariables, redisProblems } from "./dependencies.ts";
import { embeddingsSettings, embeddingsVariables } from "./embeddings.ts";
import { httpSettings, httpVariables } from "./http.ts";
import { invalidationProblems, invalidationSettings, invalidationVariables } from "./invalidation.ts";
import { policySettings, policyVariables, timeoutProblems } from "./policies.ts";
import { relationProblems } from "./relations.ts";
import { telemetrySettings, telemetryVariables } from "./telemetry.ts";

/** What is ours among the environment's variables. Others may be anybody's, and are not looked at. */
const prefix = "BW_";

/** Every setting with its default, limit and unit. */
const environment = z.object({
  ...httpVariables.shape,
  ...dependencyVariables.shape,
  ...cacheVariables.shape,
  ...embeddingsVariables.shape,
  ...answeringVariables.shape,
  ...policyVariables.shape,
  ...invalidationVariables.shape,
  ...telemetryVariables.shape,
});

export const settingNames: readonly string[] = Object.keys(environment.shape);

/** The same in chapters, as they are listed for readers. */
export const areas: readonly (readonly [title: string, variables: z.ZodObject])[] = [
  ["Listening, callers and limits", httpVariables],
  ["Redis and the model", dependencyVariables],
  ["Cache", cacheVariables],
  ["Embeddings", embeddingsVariables],
  ["Answering", answeringVariables],
  ["Policies", policyVariables],
  ["Invalidation", invalidationVariables],
  ["Telemetry", telemetryVariables],
];

/** The service's settings. A policy that is switched off has no settings. */
export type Config = ReturnType<typeof settings>;

function settings(env: z.output<typeof environment>) {
  return {
    ...httpSettings(env),
    ...dependencySettings(env),
    ...cacheSettings(env),
    ...embeddingsSettings(env),
    ...answeringSettings(env),
    ...policySettings(env),
    ...invalidationSettings(env),
    ...telemetrySettings(env),
  };
}

/** The environment is not a valid configuration. `problems` has all of them. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      `Cannot read the configuration from the environment:\n${problems.map((line) => `  ${line}`).join("\n")}`,
    );
    this.problems = problems;
  }
}

/**
 * Reads the configuration.
 *
 * @throws ConfigError with every problem at once
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const parsed = environment.safeParse(env);
  const problems = (parsed.error?.issues ?? []).map(({ path, message }) => {
    const [name = "", ...rest] = path.map(String);
    const where = rest.length === 0 ? "" : ` (item ${rest.join(".")})`;
    const given = env[name];
    return given === undefined ? `${name} ${message}` : `${name}=${shown(name, given)}${where}: ${message}`;
  });
  problems.push(
    ...timeoutProblems(env),
    ...relationProblems(env),
    ...invalidationProblems(env),
    ...redisProblems(env),
    ...unknownVariables(env),
  );
  if (parsed.success && problems.length === 0) return settings(parsed.data);
  throw new ConfigError(problems);
}

/** A setting that nobody reads is one that its author believes to be in force. */
function unknownVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.keys(env)
    .filter((name) => name.startsWith(prefix) && !settingNames.includes(name))
    .map((name) => {
      // A third of it may be mistyped; with more, the guess would be another word.
      const maxDistance = Math.ceil((name.length - prefix.length) / 3);
      const near = closestMatch(name, settingNames, { maxDistance });
      const instead = near === undefined ? "docs/configuration.md lists them" : `did you mean ${near}?`;
      return `${name}: there is no such setting; ${instead}`;
    });
}

const secrets = ["BW_API_KEYS", "BW_ADMIN_KEYS", "BW_ACCESS_LOG_SALT", "BW_REDIS_PASSWORD"];

/** A value as an error shows it. What stands before an @ may be a password, also where the rest is no address. */
function shown(name: string, value: string): string {
  return secrets.includes(name) || value.includes("@") ? "(not shown)" : `"${value}"`;
}
