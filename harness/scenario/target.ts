import { z } from "zod";

/** How many of the members that match are hit, or which of them, counted from 0 in the order of their names. */
export type Choice = "one" | "minority" | "majority" | "all" | readonly number[];

/** What a fault hits, before it is drawn. */
export type Target =
  | { readonly hits: "nothing" }
  | {
      readonly hits: "member";
      readonly of: { readonly kind: "store" | "service"; readonly name: string };
      readonly role?: "master" | "replica";
      readonly pick: Choice;
    }
  | {
      readonly hits: "link";
      readonly from: string;
      readonly to: string;
      readonly role?: "master" | "replica";
      readonly pick: Choice;
    };

/** For checks of how keys go together: an unknown key says more than they do. */
export function nothingElseIsWrong({ issues }: z.core.ParsePayload): boolean {
  return issues.length === 0;
}

const role = z.enum(["master", "replica"]).optional().describe("of a store's member when the fault begins");

const pick = z
  .union([
    z.enum(["one", "minority", "majority", "all"]),
    z
      .array(z.int().nonnegative())
      .min(1, "an empty list hits nothing")
      .refine((ranks) => new Set(ranks).size === ranks.length, "a member is named twice"),
  ])
  .describe("drawn with the seed among the members that match, or chosen by position");

export const memberTarget = z
  .strictObject({
    store: z.string().optional(),
    service: z.string().optional(),
    role,
    pick: pick.default("one"),
  })
  .refine(({ store, service }) => (store === undefined) !== (service === undefined), {
    message: "name one store or one service",
    when: nothingElseIsWrong,
  })
  .refine(({ service, role }) => service === undefined || role === undefined, {
    path: ["role"],
    message: "a service's replicas have no role",
  })
  .transform(
    ({ store, service, role, pick }): Target => ({
      hits: "member",
      of: store === undefined ? { kind: "service", name: service ?? "" } : { kind: "store", name: store },
      ...(role === undefined ? {} : { role }),
      pick,
    }),
  );

/** Of each shard its master, whoever that is when the fault begins. */
export const shardTarget = z
  .strictObject({
    store: z.string(),
    pick: pick.default("all").describe("of the store's shards"),
  })
  .transform(
    ({ store, pick }): Target => ({
      hits: "member",
      of: { kind: "store", name: store },
      role: "master",
      pick,
    }),
  );

export const linkTarget = z
  .strictObject({
    link: z.strictObject({
      from: z.string().describe("each of its replicas"),
      to: z.string(),
      role,
      pick: pick.default("all").describe("of the members of `to`"),
    }),
  })
  .transform(
    ({ link: { from, to, role, pick } }): Target => ({
      hits: "link",
      from,
      to,
      ...(role === undefined ? {} : { role }),
      pick,
    }),
  );
