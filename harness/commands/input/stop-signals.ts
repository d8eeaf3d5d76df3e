import type { EventEmitter } from "node:events";
import { performance } from "node:perf_hooks";
import { Interrupted } from "../../abort.ts";

/** How a command that has started something is asked to end. */
export interface StopSignals extends Disposable {
  /** Aborted at the first request: heal, stop, report. Its reason is an Interrupted, or the uncaught exception. */
  readonly stop: AbortSignal;
  /** Aborted at the second: wait for nothing, end everything at once. */
  readonly hurry: AbortSignal;
}

/** The parts of `process` that are needed. */
export type SignalSource = Pick<EventEmitter, "on" | "off"> & { readonly ppid: number };

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const parentPollMs = 250;
/**
 * One Ctrl-C comes twice where npm stands between: the terminal signals the whole process group, and npm passes
 * its own on (@npmcli/run-script, signal-manager.js). Nobody means two within this time.
 */
const sameRequestMs = 300;

/**
 * Turns signals, the loss of the parent and uncaught exceptions into abort signals, until it is disposed.
 * A parent that is killed passes nothing on: its end is then the only sign that nobody waits any more.
 */
export function listenForStop(
  source: SignalSource = process,
  nowMs: () => number = () => performance.now(),
): StopSignals {
  const stop = new AbortController();
  const hurry = new AbortController();
  let firstMs = 0;

  const request = (reason: Error) => {
    if (!stop.signal.aborted) {
      firstMs = nowMs();
      stop.abort(reason);
    } else if (nowMs() - firstMs > sameRequestMs) {
      hurry.abort(reason);
    }
  };
  const onSignal = (signal: NodeJS.Signals) => request(new Interrupted(`stopped by ${signal}`));
  for (const signal of signals) source.on(signal, onSignal);
  // What is running must be ended in order, and then the exception can be told.
  source.on("uncaughtException", request);

  const parent = source.ppid;
  const poll = setInterval(() => {
    if (source.ppid === parent) return;
    clearInterval(poll);
    request(new Interrupted("stopped because the parent process is gone"));
  }, parentPollMs);
  poll.unref();

  return {
    stop: stop.signal,
    hurry: hurry.signal,
    [Symbol.dispose]() {
      clearInterval(poll);
      for (const signal of signals) source.off(signal, onSignal);
      source.off("uncaughtException", request);
    },
  };
}
