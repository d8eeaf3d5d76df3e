import { z } from "zod";

/** Not known, or nothing to count: JSON has no NaN. */
const figure = z.number().nullable();
const range = z.strictObject({ low: figure, high: figure });

const distribution = z.strictObject({
  count: z.int(),
  meanMs: figure,
  p50Ms: figure,
  p95Ms: figure,
  p99Ms: figure,
  maxMs: figure,
  percentilesMs: z.array(figure).describe("The time that 0 %, 1 %, … 100 % of the requests do not exceed"),
});

const amounts = z.strictObject({
  input: z.number(),
  cachedInput: z.number(),
  cacheWrite: z.number(),
  output: z.number(),
});

const strategy = z.strictObject({
  id: z.int().describe("Position in this list; `advice` refers to it"),
  label: z.string(),
  spec: z.looseObject({}).describe("The strategy as data, as simulator/strategies/spec.ts defines it"),
  requests: z.int(),
  l1Hits: z.int(),
  l2Hits: z.int(),
  joined: z
    .int()
    .describe("Came while the answer that they need was being made; counted as hits in the shares"),
  hitShareByRequest: figure,
  hitShareByToken: figure,
  hitShareByByte: figure,
  reusedTokens: z.int(),
  reusedBlocks: z.int(),
  blocks: z.int(),
  memoryBytes: range,
  usd: z
    .strictObject({
      before: range,
      after: range,
      saving: range,
      cache: range,
      netSaving: range,
      breakEvenShare: range.describe(
        "Of the model's cost: so much must be saved for the cache to pay for itself",
      ),
      breakEvenHitShare: range.describe(
        "So many hits are needed for that, each worth what this strategy's are on average: by request, of a prefix cache alone by token",
      ),
    })
    .optional(),
  gpu: z
    .strictObject({
      hoursBefore: figure,
      hoursAfter: range,
      enginesBefore: figure.describe(
        "Whole engines at 70 % busy; with reserved engines only their difference saves",
      ),
      enginesAfter: range,
    })
    .optional(),
});

const times = z.strictObject({
  latency: distribution,
  firstToken: distribution.optional(),
  utilisation: figure.optional(),
  drainMs: figure.optional(),
});

/** All that a simulation found. No text of any request is in it. */
export const reportSchema = z.strictObject({
  schema: z.literal("breakwater-simulation/1"),
  log: z.strictObject({
    name: z.string(),
    format: z.string(),
    rows: z.int(),
    requests: z.int(),
    invalidations: z.int(),
    malformed: z.int(),
    malformedExamples: z.array(z.string()),
    notes: z
      .record(z.string(), z.int())
      .describe("Well-formed records that were left out, or read in part, by why"),
    columns: z
      .record(z.string(), z.string())
      .nullable()
      .describe("Of CSV: which column of the log was read as which field"),
    keys: z.int(),
    normalisedKeys: z.int(),
    blocks: z.int().nullable(),
    spanMs: z.number(),
    models: z.array(z.string()),
  }),
  warmupShare: z.number(),
  cost: z.enum(["api", "gpu", "none"]),
  prices: z
    .strictObject({
      source: z.string(),
      date: z.string(),
      unpricedModels: z.array(z.string()),
      unpricedRequests: z.int(),
    })
    .nullable(),
  infrastructure: z.strictObject({
    source: z.string(),
    date: z.string(),
    redisGiBHourUsd: z.number(),
    redisCopies: z.number(),
    memoryGiBHourUsd: z.number(),
    gpuHourUsd: z.number(),
  }),
  assumptions: z.array(z.string()),
  strategies: z.array(strategy),
  advice: z.strictObject({
    gainIs: z.enum(["net saving", "token share", "request share"]),
    front: z.array(z.int()),
    knee: z.int().nullable(),
    recommended: z.int().nullable(),
    deployable: z.int().nullable(),
  }),
  /** The recommended strategy against none, in detail. */
  detail: z.strictObject({
    amountsBefore: amounts.nullable(),
    amountsAfter: amounts.nullable(),
    timesBefore: times.nullable(),
    timesAfter: times.nullable(),
  }),
  /** LRU's miss ratio at every size, from stack distances; null where no key repeats. */
  curve: z
    .strictObject({
      sizes: z.array(z.number()),
      missRatio: z.array(z.number()),
      error: z.array(z.number()).nullable(),
    })
    .nullable(),
  failover: z
    .strictObject({
      strategy: z.int(),
      losses: z.array(z.string()),
      extraMisses: z.int(),
      extraTokens: z.number(),
      extraUsd: figure.nullable(),
      ninetyPercentWithinMs: figure,
    })
    .nullable(),
});

export type Report = z.output<typeof reportSchema>;
export type ReportedStrategy = Report["strategies"][number];
export type ReportedTimes = z.output<typeof times>;

/** The schema of the JSON output, for those who read it. */
export function reportJsonSchema(): unknown {
  return z.toJSONSchema(reportSchema);
}
