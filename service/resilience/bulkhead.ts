import { BulkheadRejectedError, bulkhead as cockatielBulkhead } from "cockatiel";
import type { Policy } from "./policy.ts";

/** Every place is taken. Says nothing about the dependency's health. */
export class BulkheadFull extends Error {
  override readonly name = "BulkheadFull";
}

/**
 * At most `limit` calls at once; one more is rejected at once.
 *
 * There is no queue: in cockatiel 4 a queued caller that leaves keeps its place until it is dequeued, and
 * a queued call can be overtaken and rejected. A call that an inner timeout gave up on frees its place,
 * although its work may go on (an ioredis command cannot be taken back): the breaker bounds those.
 */
export function bulkhead(limit: number): Policy {
  const policy = cockatielBulkhead(limit, 0);
  return (call) => async (signal) => {
    signal.throwIfAborted();
    try {
      return await policy.execute((context) => call(context.signal), signal);
    } catch (thrown) {
      if (!(thrown instanceof BulkheadRejectedError)) throw thrown;
      throw new BulkheadFull(`${limit} calls are under way, the limit`, { cause: thrown });
    }
  };
}
