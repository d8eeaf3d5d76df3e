import { performance } from "node:perf_hooks";

/** How a run is asked to end before its time. */
export interface StopSignals extends Disposable {
  /** Aborted at the first request to stop: heal, stop, report. Its reason names what asked. */
  readonly stop: AbortSignal;
  /** Aborted at the second: wait for nothing, end everything at once. */
  readonly now: AbortSignal;
}

/** The parts of `process` that are needed. */
export interface SignalSource {
  readonly ppid: number;
  on(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
  off(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
}

const stopSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const parentPollMs = 250;
/**
 * One Ctrl-C comes twice when npm stands between: the terminal signals the whole process group, and npm passes
 * its own on (@npmcli/run-script, signal-manager.js). Nobody means two within this time.
 */
const sameRequestMs = 300;

/**
 * Turns signals and the loss of the parent into abort signals, until it is disposed. npm does not always pass
 * signals on, so that the parent's end may be the only sign that nobody waits any more.
 */
export function listenForStop(
  source: SignalSource = process,
  nowMs: () => number = () => performance.now(),
): StopSignals {
  const stop = new AbortController();
  const now = new AbortController();
  let requestedMs = 0;

  const request = (reason: string, mayHurry: boolean) => {
    if (!stop.signal.aborted) {
      requestedMs = nowMs();
      stop.abort(reason);
    } else if (mayHurry && nowMs() - requestedMs > sameRequestMs) {
      now.abort(reason);
    }
  };
  const onSignal = (signal: NodeJS.Signals) => request(signal, signal !== "SIGHUP");
  for (const signal of stopSignals) source.on(signal, onSignal);

  const parent = source.ppid;
  const poll = setInterval(() => {
    if (source.ppid !== parent) request("loss of the parent", false);
  }, parentPollMs);
  poll.unref();

  return {
    stop: stop.signal,
    now: now.signal,
    [Symbol.dispose]() {
      clearInterval(poll);
      for (const signal of stopSignals) source.off(signal, onSignal);
    },
  };
}
