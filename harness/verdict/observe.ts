import { failed, type PhaseName, type RunEvent, type Sample } from "../journal/event.ts";
import type { PlannedLoad } from "../plan/plan.ts";
import type { Observed, ObservedRun, Window, Windows } from "../slos/slo.ts";
import { countArrivals } from "./arrivals.ts";
import { clipWindows, endOfRunMs, faultBeganMs, union, wholeRun, windowsOf } from "./windows.ts";

/** Puts a recorded run in order and accounts for every arrival. The order of events and samples does not matter. */
export function observeRun(
  load: PlannedLoad,
  recorded: { readonly events: readonly RunEvent[]; readonly samples: readonly Sample[] },
): ObservedRun & { lost(window: Window): number } {
  const events = recorded.events.toSorted((a, b) => a.atMs - b.atMs);
  const samples = recorded.samples.toSorted((a, b) => a.startMs - b.startMs);
  const untilMs = endOfRunMs(events, samples);
  const { missing, lost } = countArrivals(
    { ...load, beganMs: events.find(({ type }) => type === "load-started")?.atMs },
    samples.map(({ startMs }) => startMs),
    events.filter((event) => event.type === "arrivals-dropped"),
  );
  return { events, samples, windows: windowsOf(events, untilMs), untilMs, missing, lost };
}

/** The run as it was known at a time, to ask what would have been judged then. */
export function clipRun(run: ObservedRun, untilMs: number): ObservedRun {
  const windows: [string, readonly Window[]][] = Object.entries(run.windows)
    .map(([name, of]): [string, readonly Window[]] => [name, clipWindows(of, untilMs)])
    .filter(([, of]) => of.length > 0);
  return {
    events: run.events.filter(({ atMs }) => atMs < untilMs),
    samples: run.samples.filter(isKnownBy(run, untilMs)),
    windows: Object.fromEntries(windows) satisfies Windows,
    untilMs: Math.min(run.untilMs, untilMs),
    missing: (window) =>
      clipWindows([window], untilMs).reduce((sum, clipped) => sum + run.missing(clipped), 0),
  };
}

/**
 * Whether a request counts for the time before another: it had ended by then, or had been under way for longer than
 * any answered one after the warm-up took, and so was stalled before. Other requests under way say nothing of that
 * time: with answers that take long, as many as rate × time are hit by a fault and began before it.
 */
function isKnownBy({ events, samples }: ObservedRun, timeMs: number): (sample: Sample) => boolean {
  const hasEnded = ({ startMs, durationMs }: Sample) => startMs + durationMs <= timeMs;
  const fromMs = wholeRun(events, timeMs, false)[0]?.fromMs ?? timeMs;
  const longestMs = samples
    .filter((sample) => sample.startMs >= fromMs && hasEnded(sample) && !failed(sample))
    .reduce((most, { durationMs }) => Math.max(most, durationMs), 0);
  return (sample) => hasEnded(sample) || timeMs - sample.startMs > longestMs;
}

/** What an SLO judges: the asked phases pooled, or the whole run where none is named. */
export function observe(run: ObservedRun, during: readonly PhaseName[], withWarmup: boolean): Observed {
  const windows =
    during.length === 0
      ? wholeRun(run.events, run.untilMs, withWarmup)
      : union(during.flatMap((phase) => run.windows[phase] ?? []));
  const faultMs = faultBeganMs(run.events) ?? Number.POSITIVE_INFINITY;
  const isKnown = isKnownBy(run, faultMs);
  return {
    samples: run.samples.filter((sample) =>
      windows.some(
        ({ fromMs, untilMs }) =>
          sample.startMs >= fromMs && sample.startMs < untilMs && (untilMs > faultMs || isKnown(sample)),
      ),
    ),
    missing: windows.reduce((sum, window) => sum + run.missing(window), 0),
    run,
  };
}
