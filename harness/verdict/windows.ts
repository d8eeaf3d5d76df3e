import type { PhaseName, RunEvent, Sample } from "../journal/event.ts";
import type { Window, Windows } from "../slos/slo.ts";

/**
 * When the observation ended: the phases' end, or the last that is known of a run that did not get so far.
 * @param events in order of time
 * @param samples in order of start time
 */
export function endOfRunMs(events: readonly RunEvent[], samples: readonly Sample[]): number {
  const end = events.find((event) => event.type === "phase-started" && event.phase === "end");
  const last = samples.at(-1);
  return (
    end?.atMs ?? Math.max(events.at(-1)?.atMs ?? 0, last === undefined ? 0 : last.startMs + last.durationMs)
  );
}

/** The phases as they ran, each until the next began. */
export function phasesOf(
  events: readonly RunEvent[],
  untilMs: number,
): readonly (Window & { readonly phase: PhaseName })[] {
  const starts = events.filter((event) => event.type === "phase-started");
  return starts
    .map(({ phase, atMs }, index) => ({ phase, fromMs: atMs, untilMs: starts[index + 1]?.atMs ?? untilMs }))
    .flatMap(({ phase, ...over }) =>
      phase === "end" || over.fromMs >= over.untilMs ? [] : [{ phase, ...over }],
    );
}

/**
 * When each judged window began and ended. The fault's is from a fault's proof to the request for its healing,
 * all faults together, never the plan's times. The recovery's is from the last request to heal to the end: what
 * happens between a heal and the phase after it belongs to no other window.
 * @param events in order of time
 */
export function windowsOf(events: readonly RunEvent[], untilMs: number): Windows {
  const phases = phasesOf(events, untilMs);
  const phase = (name: PhaseName): Window[] =>
    phases.flatMap(({ phase, fromMs, untilMs }) => (phase === name ? [{ fromMs, untilMs }] : []));
  const all = {
    warmup: phase("warmup"),
    baseline: phase("baseline"),
    fault: faultWindows(events, untilMs),
    recovery: recoveryWindows(events, untilMs),
  };
  return Object.fromEntries(Object.entries(all).filter(([, windows]) => windows.length > 0));
}

/** From the first phase that counts to the end, the gaps between windows included; absent when it never began. */
export function wholeRun(
  events: readonly RunEvent[],
  untilMs: number,
  withWarmup: boolean,
): readonly Window[] {
  const first = events.find(
    (event) => event.type === "phase-started" && (withWarmup || event.phase !== "warmup"),
  );
  return first === undefined || first.atMs >= untilMs ? [] : [{ fromMs: first.atMs, untilMs }];
}

/** When the fault phase began, or the first fault was requested; undefined in a run that got to neither. */
export function faultBeganMs(events: readonly RunEvent[]): number | undefined {
  return events.find(
    (event) =>
      (event.type === "phase-started" && event.phase === "fault") ||
      (event.type === "fault" && event.state === "requested"),
  )?.atMs;
}

/** The windows without what is at or after `untilMs`. */
export function clipWindows(windows: readonly Window[], untilMs: number): readonly Window[] {
  return windows
    .filter(({ fromMs }) => fromMs < untilMs)
    .map((window) => ({ fromMs: window.fromMs, untilMs: Math.min(window.untilMs, untilMs) }));
}

/** The windows as a set of times: ordered, overlaps joined. */
export function union(windows: readonly Window[]): readonly Window[] {
  const joined: Window[] = [];
  for (const window of windows.toSorted((a, b) => a.fromMs - b.fromMs)) {
    const last = joined.at(-1);
    if (last === undefined || window.fromMs > last.untilMs) joined.push(window);
    else joined[joined.length - 1] = { fromMs: last.fromMs, untilMs: Math.max(last.untilMs, window.untilMs) };
  }
  return joined;
}

function faultWindows(events: readonly RunEvent[], untilMs: number): readonly Window[] {
  const faults = events.filter((event) => event.type === "fault");
  return union(
    faults
      .filter(({ state }) => state === "proven")
      .map((proven) => {
        const heal = faults.find(
          ({ fault, state, atMs }) =>
            fault === proven.fault && state === "heal-requested" && atMs >= proven.atMs,
        );
        return { fromMs: proven.atMs, untilMs: heal?.atMs ?? untilMs };
      }),
  );
}

function recoveryWindows(events: readonly RunEvent[], untilMs: number): readonly Window[] {
  const phase = events.find((event) => event.type === "phase-started" && event.phase === "recovery");
  const heal = events.findLast((event) => event.type === "fault" && event.state === "heal-requested");
  const fromMs = Math.min(...[phase, heal].flatMap((event) => event?.atMs ?? []));
  return fromMs < untilMs ? [{ fromMs, untilMs }] : [];
}
