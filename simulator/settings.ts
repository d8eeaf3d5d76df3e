import { z } from "zod";
import { strategyKinds } from "./advice/candidates.ts";
import { formats } from "./log/catalog.ts";
import { parseColumnMap } from "./log/column-map.ts";
import { LogError } from "./log/log-error.ts";
import { type PolicyName, policies } from "./policies/catalog.ts";
import type { Loss } from "./strategies/spec.ts";

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

const durationMs = z
  .string()
  .regex(/^\d+(\.\d+)?(ms|s|m|h|d)$/, 'must be a duration such as "250ms", "15s", "10m", "1h" or "1d"')
  .transform((text) => {
    const [, number = "", unit = ""] = /^([\d.]+)(\D+)$/.exec(text) ?? [];
    return Number(number) * (unitsMs[unit] ?? Number.NaN);
  });
const whole = (from: number, to: number) =>
  z
    .string()
    .regex(/^\d{1,12}$/, "must be a whole number")
    .transform(Number)
    .pipe(z.int().min(from).max(to));
const usd = z
  .string()
  .regex(/^\d+(\.\d+)?$/, "must be an amount of US dollars such as 2.5")
  .transform(Number);
const share = z
  .string()
  .regex(/^(0(\.\d+)?|1(\.0+)?|\.\d+)$/, "must be a share between 0 and 1, such as 0.2")
  .transform(Number);
const listOf = <T extends z.ZodType<unknown, string>>(item: T) =>
  z
    .string()
    .transform((text) => text.split(",").map((part) => part.trim()))
    .pipe(z.array(item).min(1));
const namesOf = <T extends object>(record: T) =>
  Object.keys(record) as [keyof T & string, ...(keyof T & string)[]];

const loss = z
  .string()
  .regex(
    /^(all|l1:\d+|l2:\d+\/\d+)@\d+(\.\d+)?(ms|s|m|h|d)(\+\d+(\.\d+)?(ms|s|m|h|d))?$/,
    'is written "all@10m", "l1:0@10m" (replica 0) or "l2:0/3@10m+30s" (shard 0 of 3, away for 30 s)',
  )
  .transform((text): Loss => {
    const [, place = "", at = "", down] = /^([^@]+)@([^+]+)(?:\+(.+))?$/.exec(text) ?? [];
    const [what = "", node = "0"] = place.split(":");
    const [number = "0", shards = "1"] = node.split("/");
    return {
      what: what === "l1" || what === "l2" ? what : "all",
      node: Number(number),
      shards: Math.max(1, Number(shards)),
      atMs: durationMs.parse(at),
      downMs: down === undefined ? 0 : durationMs.parse(down),
    };
  });

const defaultPolicies: PolicyName[] = [
  "lru",
  "lfu",
  "fifo",
  "clock",
  "slru",
  "2q",
  "arc",
  "s3-fifo",
  "sieve",
  "w-tinylfu",
];

/** Everything that the command line can set, by its long name in camel case. */
const schema = z
  .object({
    format: z.enum(namesOf(formats)).optional(),
    columns: z
      .string()
      .transform((text, context) => {
        try {
          return parseColumnMap(text);
        } catch (thrown) {
          const hint = thrown instanceof LogError && thrown.hint !== undefined ? ` (${thrown.hint})` : "";
          context.addIssue(`${thrown instanceof Error ? thrown.message : String(thrown)}${hint}`);
          return z.NEVER;
        }
      })
      .optional(),
    malformedShare: share.optional(),
    keepUncacheable: z.boolean().default(false),
    keep: z.boolean().default(false),
    strategies: listOf(z.enum(strategyKinds)).optional(),
    policies: listOf(z.enum(namesOf(policies))).default(defaultPolicies),
    sizes: whole(1, 1000).optional(),
    capacities: listOf(whole(1, 1e12)).optional(),
    unit: z.enum(["entries", "bytes", "tokens"]).default("entries"),
    ttl: listOf(durationMs).default([60_000, 600_000, 3_600_000, 86_400_000]),
    threshold: listOf(share).default([0.98, 0.95, 0.9]),
    embeddings: z.string().optional(),
    dimensions: whole(1, 65_536).optional(),
    embedder: z.string().min(1).optional(),
    replicas: whole(1, 256).default(2),
    routing: z.enum(["random", "consistent-hash", "sticky"]).default("random"),
    warmup: share.default(0),
    lose: z.array(loss).default([]),
    cost: z.enum(["auto", "api", "gpu", "none"]).default("auto"),
    prices: z.string().optional(),
    model: z.string().min(1).optional(),
    batch: z.boolean().default(false),
    gpuHour: usd.optional(),
    redisGibHour: usd.optional(),
    memoryGibHour: usd.optional(),
    latency: z.enum(["auto", "log", "engines", "none"]).default("auto"),
    engines: whole(1, 1000).optional(),
    workers: whole(0, 256).optional(),
    json: z.string().optional(),
    csv: z.string().optional(),
    html: z.string().optional(),
    writeConfig: z.string().optional(),
    printSchema: z.boolean().default(false),
  })
  .refine(({ embeddings, embedder }) => embeddings === undefined || embedder === undefined, {
    path: ["embedder"],
    message: "is one way to vectors, --embeddings another: give one",
  })
  .refine(({ format, columns }) => columns === undefined || format === undefined || format === "csv", {
    path: ["columns"],
    message: "is for CSV alone: leave --format out",
  })
  .refine(({ embeddings, dimensions }) => (embeddings === undefined) === (dimensions === undefined), {
    path: ["embeddings"],
    message: "needs --dimensions, and --dimensions needs it",
  });

export type Settings = z.output<typeof schema>;

/** Options that are wrong, all of them. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`Cannot read the options:\n${problems.map((line) => `  ${line}`).join("\n")}`);
    this.problems = problems;
  }
}

/** @throws SettingsError with every problem at once */
export function readSettings(options: Readonly<Record<string, unknown>>): Settings {
  const parsed = schema.safeParse(options);
  if (parsed.success) return parsed.data;
  throw new SettingsError(
    parsed.error.issues.map(({ path, message }) => {
      const name = String(path[0] ?? "");
      const given =
        path.length > 1 && Array.isArray(options[name]) ? options[name][Number(path[1])] : options[name];
      const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
      return `--${flag} "${String(given)}": ${message}`;
    }),
  );
}
