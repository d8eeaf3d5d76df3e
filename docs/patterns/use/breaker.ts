import { BreakerOpen, breaker } from "../../../service/resilience/breaker.ts";

class NotFound extends Error {}

/** Stands for a request to the shop; it is down. */
async function fetchItem(name: string, _signal: AbortSignal): Promise<string> {
  throw new Error(`the shop did not answer about ${name}`);
}

// #region use
/** One for each dependency, over all calls of it. */
const shop = breaker(
  {
    ...{ windowCalls: 20, minimumCalls: 10, failureShare: 0.5 },
    ...{ slowCallMs: 500, slowCallShare: 0.8, openMs: 1000, probeMs: 5000 },
  },
  {
    // What the shop answered rightly says that it is well.
    isFailure: (thrown) => !(thrown instanceof NotFound),
    onState: (state) => console.log(`shop: ${state}`),
    now: performance.now.bind(performance),
  },
);

/** @throws BreakerOpen at once, with `retryAfterMs`, where the shop is being left alone */
function readItem(name: string, caller: AbortSignal): Promise<string> {
  return shop((signal) => fetchItem(name, signal))(caller);
}
// #endregion use

for (let call = 1; call <= 11; call++) {
  await readItem("rope", new AbortController().signal).catch((thrown: unknown) => {
    console.log(`call ${call}: ${thrown instanceof BreakerOpen ? "not made" : "failed"}`);
  });
}
