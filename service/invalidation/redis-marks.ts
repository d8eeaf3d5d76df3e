import type { Cluster } from "ioredis";
import { z } from "zod";
import type { Policy } from "../resilience/policy.ts";
import type { MarkStore } from "./mark-store.ts";
import type { News } from "./marks.ts";
import { beginScript, markScript, restoreScript, sinceScript } from "./scripts.ts";

/** The channel of sharded pub/sub on which news come. The braces put it and the marks in one slot. */
export const channel = "{invalidations}:news";
const key = "{invalidations}:marks:1";

export interface RedisMarksSettings {
  readonly maxMarks: number;
  /** A mark this old may be dropped: no entry lives longer. */
  readonly retentionMs: number;
}

/** Nobody's request: what is bounded here is bounded by the guard. */
const never = new AbortController().signal;

const number = z.coerce.number().nonnegative();
const sinceReply = z.tuple([number, number, number, number], z.string());
const news = z.object({
  seq: number,
  previous: number,
  floor: number,
  scopes: z.array(z.string()),
});

/** Reads one message of the channel; throws where it is none of this version's. */
export function readNews(text: string): News {
  return news.parse(JSON.parse(text));
}

/**
 * The marks in Redis Cluster: one sorted set, so on one shard.
 *
 * @param guard around each call; it must bound it, for a node that is silent may never answer
 */
export function redisMarks(
  client: Cluster,
  { maxMarks, retentionMs }: RedisMarksSettings,
  guard: Policy,
): MarkStore {
  const run = (script: string, ...args: (string | number)[]) =>
    guard(() => client.eval(script, 2, key, channel, ...args))(never);
  return {
    async since(since) {
      const [seq, floor, members, highest, ...above] = sinceReply.parse(await run(sinceScript, since));
      const marks = new Map<string, number>();
      for (let i = 0; i + 1 < above.length; i += 2) marks.set(above[i] ?? "", Number(above[i + 1]));
      // The floor is counted among the marks there.
      const floors = marks.delete("floor") || floor === 0 ? 0 : 1;
      return { seq, floor, marks, upToSince: { count: members - floors, highest } };
    },
    async begin(epoch) {
      await run(beginScript, epoch);
    },
    async mark(scopes, epoch) {
      const reply = await run(markScript, epoch, maxMarks, retentionMs, ...scopes);
      return reply === null ? undefined : readNews(z.string().parse(reply));
    },
    async restore({ seq, floor, marks }) {
      await run(restoreScript, seq, maxMarks, retentionMs, floor, ...[...marks].flat());
    },
  };
}
