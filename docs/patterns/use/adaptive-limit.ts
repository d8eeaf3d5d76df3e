import { adaptiveLimit, learning } from "../../../service/resilience/adaptive-limit.ts";
import { bulkhead } from "../../../service/resilience/bulkhead.ts";
import { wrap } from "../../../service/resilience/policy.ts";

class ShopBusy extends Error {}

/** Stands for a request to the shop; it says that it has too much to do. */
async function fetchItem(_name: string, _signal: AbortSignal): Promise<string> {
  throw new ShopBusy();
}

// #region use
const now = performance.now.bind(performance);
/** The mean time of a call that is still useful. */
const targetMs = 600;
const limit = adaptiveLimit({ initial: 20, minimum: 4, maximum: 100, targetMs, minimumCalls: 10 });
const places = bulkhead({
  get limit() {
    return limit.current();
  },
  get queue() {
    return Math.floor(limit.current() / 2);
  },
});
/** The bulkhead outside: the limit learns from calls that were made, without their wait for a place. */
const shop = wrap(
  places.policy,
  learning({
    limit,
    targetMs,
    inFlight: places.inFlight,
    verdictOf: (thrown) => (thrown instanceof ShopBusy ? "overload" : "nothing"),
    now,
  }),
);

function readItem(name: string, caller: AbortSignal): Promise<string> {
  return shop((signal) => fetchItem(name, signal))(caller);
}
// #endregion use

console.log(`at first: ${limit.current()} at once`);
const calls = Array.from({ length: 20 }, () => readItem("rope", new AbortController().signal));
await Promise.allSettled(calls);
console.log(`after 20 that were too many: ${limit.current()}`);
