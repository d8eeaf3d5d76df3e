import { AttemptTimeout, timeout } from "../../../service/resilience/timeout.ts";

/** Stands for a request to the shop; it never answers, and heeds no signal. */
const fetchItem = (_name: string, _signal: AbortSignal): Promise<string> => new Promise(() => {});

// #region use
const withinTime = timeout(200);

/** @throws AttemptTimeout after 200 ms; what the caller's own signal was aborted with, if that comes first */
function readItem(name: string, caller: AbortSignal): Promise<string> {
  return withinTime((signal) => fetchItem(name, signal))(caller);
}
// #endregion use

await readItem("rope", new AbortController().signal).catch((thrown: unknown) => {
  console.log(thrown instanceof AttemptTimeout ? "no answer in time" : thrown);
});
