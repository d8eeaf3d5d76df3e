import { BulkheadFull, bulkhead } from "../../../service/resilience/bulkhead.ts";

const open = Promise.withResolvers<string>();

/** Stands for a request to the shop; it is slow. */
const fetchItem = (_name: string, _signal: AbortSignal): Promise<string> => open.promise;

// #region use
/** One for each dependency, over all calls of it. */
const shop = bulkhead({ limit: 2, queue: 2 });

/** @throws BulkheadFull at once, where two calls are under way and two wait */
function readItem(name: string, tenant: string, caller: AbortSignal): Promise<string> {
  return shop.policyOf(tenant)((signal) => fetchItem(name, signal))(caller);
}
// #endregion use

const calls = Array.from({ length: 5 }, () => readItem("rope", "acme", new AbortController().signal));
open.resolve("rope");
for (const { status, ...call } of await Promise.allSettled(calls)) {
  console.log("reason" in call && call.reason instanceof BulkheadFull ? "full" : status);
}
