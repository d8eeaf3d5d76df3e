import { DeadlineExceeded, deadlineIn, requestedMs } from "../../../service/resilience/deadline.ts";

/** Stands for all that is done for a request; it takes for ever. */
const answer = (_remainingMs: () => number, _signal: AbortSignal): Promise<string> => new Promise(() => {});

// #region use
const bounds = { defaultMs: 2000, maxMs: 30_000 };

/** @param header `x-deadline-ms` as it came; `caller` is aborted when the caller leaves */
function respond(header: string | undefined, caller: AbortSignal): Promise<string> {
  const ms = requestedMs(header, bounds);
  if (ms === undefined) throw new Error("400: x-deadline-ms must be a whole number above 0");
  const deadline = deadlineIn(ms, performance.now.bind(performance));
  // Whoever is called in turn is told what is left.
  return deadline.policy((signal) => answer(deadline.remainingMs, signal))(caller);
}
// #endregion use

await respond("20", new AbortController().signal).catch((thrown: unknown) => {
  console.log(thrown instanceof DeadlineExceeded ? "504: the time is over" : thrown);
});
