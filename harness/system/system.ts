import { z } from "zod";
import { duration } from "./units.ts";

/** What a sample may carry beyond start, duration, status and error, if the load script reports it. */
export const sampleFields = ["cache", "answer"] as const;
export type SampleField = (typeof sampleFields)[number];

/** A name that a load script may read of its environment; the others are the harness's own. */
export const settingName = z
  .string()
  .regex(/^(?!BREAKWATER_|K6_)[A-Za-z_]\w*$/, "this name is the harness's own");

const name = z.string().regex(/^[a-z][a-z0-9-]*$/, "a name is lower case: letters, digits and dashes");
const environment = z.record(z.string(), z.string());

const service = z
  .strictObject({
    local: z
      .strictObject({
        command: z
          .array(z.string())
          .min(1)
          .describe("program and arguments; started in the folder of this file"),
      })
      .optional(),
    replicas: z.int().positive().default(1),
    port: z.string().describe("the environment variable that tells a replica its port"),
    ready: z.strictObject({ path: z.string().startsWith("/"), within: duration.prefault("15s") }),
    env: environment
      .default({})
      .describe("{{ store.addresses }} and {{ service.url }} lead through the links"),
    switches: z.record(name, environment).default({}).describe("how each policy is turned off"),
  })
  .transform(({ ready, port, ...rest }) => ({
    ...rest,
    portVariable: port,
    ready: { path: ready.path, withinMs: ready.within },
  }));

const redisCluster = z
  .strictObject({
    kind: z.literal("redis-cluster"),
    masters: z.int().min(3).default(3),
    replicasPerMaster: z.int().nonnegative().default(1),
    nodeTimeout: duration.prefault("1s"),
    config: z.record(z.string(), z.string()).default({}).describe("any redis.conf directive"),
  })
  .transform(({ nodeTimeout, ...rest }) => ({ ...rest, nodeTimeoutMs: nodeTimeout }));

const tcp = z.strictObject({
  kind: z.literal("tcp"),
  address: z.string().regex(/^[^:\s]+:\d+$/, "an address is host:port"),
  probe: z
    .string()
    .min(1)
    .optional()
    .describe(
      "bytes that make it answer, such as PING\\r\\n; without them no fault on its links can be proven",
    ),
});

/** What is stormed: services, stores, where the load goes, and the load that fits. */
export const systemSchema = z
  .strictObject({
    name,
    services: z.record(name, service),
    stores: z.record(name, z.discriminatedUnion("kind", [redisCluster, tcp])).default({}),
    entry: name.describe("the service where the load goes"),
    load: z.strictObject({
      script: z.string().describe("a k6 script, relative to this file; docs/load.md says what it reports"),
      reports: z
        .array(z.enum([...sampleFields, "extra"]))
        .default([])
        .describe("what it reports beyond the required fields"),
      reads: z
        .array(settingName)
        .default([])
        .describe("the settings of its own that a scenario may give it in load.env"),
    }),
  })
  .describe("Breakwater system: what is stormed");

export type SystemDescription = z.output<typeof systemSchema>;

/** A system as read from its file. Paths in it are relative to `folder`. */
export interface System extends SystemDescription {
  readonly folder: string;
}

export type Service = SystemDescription["services"][string];
export type Store = SystemDescription["stores"][string];

/** `{{ redis.addresses }}` or `{{ model.url }}` inside a value of a service's environment. */
export const reference = /\{\{\s*([a-z][a-z0-9-]*)\.(addresses|url)\s*\}\}/g;
