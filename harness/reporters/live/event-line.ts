import type { RunEvent } from "../../journal/event.ts";

const faultStates = {
  requested: "requested",
  proven: "in force",
  "not-proven": "NOT PROVEN",
  "heal-requested": "healing",
  "healed-proven": "healed",
  "not-healed": "NOT HEALED",
} as const;

/** What someone who watches a run is told of an event; undefined for those that only a reader of the journal wants. */
export function eventLine(event: RunEvent): string | undefined {
  switch (event.type) {
    case "run-started":
      return `run ${event.runId}, seed ${event.seed}: starting the system`;
    case "system-ready":
      return `system ready after ${seconds(event.tookMs)}, entry ${event.entry}`;
    case "load-started":
      return `load ${round(event.ratePerS)}/s for ${seconds(event.durationMs)}`;
    case "load-ended":
      return event.expected ? undefined : `load generator ended with ${ending(event)}`;
    case "phase-started":
      return event.phase === "end" ? "phases over" : `phase ${event.phase}`;
    case "fault": {
      const targets = event.targets.length === 0 ? "" : ` on ${shortList(event.targets)}`;
      const saw = event.saw === undefined ? "" : ` (${event.saw})`;
      return `fault ${event.kind}${targets}: ${faultStates[event.state]}${saw}`;
    }
    case "process-exited":
      return event.expected ? undefined : `${event.process} (pid ${event.pid}) ended with ${ending(event)}`;
    case "bypass":
      return `bypass: a connection to ${event.to} from ${event.from} passes no link`;
    case "warning":
      return `warning ${event.code}: ${event.message}`;
    case "run-ended":
      return event.error === undefined
        ? `run ${event.how}`
        : `run ${event.how}: ${event.error.code}: ${event.error.message}`;
    case "clock":
    case "machine":
    case "process-started":
    case "arrivals-dropped":
    case "extra-load":
    case "traffic":
      return undefined;
  }
}

/** `api-0>redis-1, api-0>redis-2 and 10 more` */
export function shortList(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(", ");
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}

function ending({ code, signal }: { readonly code: number | null; readonly signal: string | null }): string {
  return signal ?? `code ${code}`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function round(value: number): string {
  return String(Math.round(value * 100) / 100);
}
