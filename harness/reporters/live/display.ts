import { performance } from "node:perf_hooks";
import { stripVTControlCharacters, styleText } from "node:util";
import type { RunEvent, Sample } from "../../journal/event.ts";
import type { Plan, PlannedPhase } from "../../plan/plan.ts";
import { eventLine, shortList } from "./event-line.ts";
import { createRecentSamples, type Recent } from "./recent-samples.ts";

/** Where a run's progress goes: a terminal has one status line that is rewritten, anything else plain lines. */
export interface LiveOutput {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface LiveDisplay extends Disposable {
  event(event: RunEvent): void;
  sample(sample: Sample): void;
  /** A line that does not come from the journal, such as a tool being installed. */
  line(text: string): void;
}

const windowMs = 2_000;
const terminalEveryMs = 250;
const plainEveryMs = 5_000;

export function isRewritable(output: LiveOutput, env: NodeJS.ProcessEnv): boolean {
  return output.isTTY === true && env.TERM !== "dumb" && !env.CI;
}

/**
 * Shows a run while it is on: permanent lines for what happens, and how the system does at the moment.
 *
 * @param rewritable whether the status is one rewritten line, or a plain line every 5 s
 * @param nowMs any monotonic clock; run time is taken from the first event
 */
export function createLiveDisplay(
  plan: Plan,
  output: LiveOutput,
  rewritable: boolean,
  nowMs: () => number = () => performance.now(),
): LiveDisplay {
  const recent = createRecentSamples(windowMs);
  const inForce = new Map<string, string>();
  let zeroMs = nowMs();
  let anchored = false;
  let current: { readonly planned: PlannedPhase; readonly sinceMs: number } | undefined;
  let dropped = 0;
  let statusShown = false;

  const runMs = () => nowMs() - zeroMs;
  const erase = () => {
    if (statusShown) output.write("\r\x1b[2K");
    statusShown = false;
  };
  const print = (text: string) => {
    erase();
    output.write(`${text}\n`);
  };
  const showStatus = () => {
    if (current === undefined) return;
    const atMs = runMs();
    const text = statusLine({
      phase: current.planned.phase,
      phaseLeftMs: current.planned.untilMs - current.planned.fromMs - (atMs - current.sinceMs),
      runLeftMs: plan.load.durationMs - current.planned.fromMs - (atMs - current.sinceMs),
      recent: recent.at(atMs),
      dropped,
      faults: [...inForce.values()],
    });
    if (!rewritable) {
      output.write(`${stamp(atMs)}  ${text}\n`);
      return;
    }
    erase();
    // A line that wraps cannot be rewritten. A terminal that does not know its width says 0.
    output.write(text.slice(0, (output.columns || 80) - 1));
    statusShown = true;
  };

  const timer = setInterval(showStatus, rewritable ? terminalEveryMs : plainEveryMs);
  timer.unref();

  return {
    event(event) {
      if (!anchored) zeroMs = nowMs() - event.atMs;
      anchored = true;
      if (event.type === "phase-started") {
        const planned = plan.phases.find(({ phase }) => phase === event.phase);
        current = planned && { planned, sinceMs: event.atMs };
      }
      if (event.type === "fault") follow(inForce, event);
      if (event.type === "arrivals-dropped") dropped += event.count;
      if (event.type === "run-ended") current = undefined;
      const text = eventLine(event);
      // What a process or a script has said must not steer the terminal.
      if (text !== undefined) {
        print(`${stamp(event.atMs)}  ${emphasised(event, stripVTControlCharacters(text), rewritable)}`);
      }
    },
    sample: (sample) => recent.add(sample),
    line: print,
    [Symbol.dispose]() {
      clearInterval(timer);
      erase();
    },
  };
}

/** Keeps the faults that may be in force, by id, as they are shown. */
function follow(inForce: Map<string, string>, event: RunEvent & { type: "fault" }): void {
  if (event.state === "healed-proven" || event.state === "not-healed") inForce.delete(event.fault);
  else inForce.set(event.fault, `${event.kind} ${shortList(event.targets)} ${event.state}`);
}

export interface Status {
  readonly phase: string;
  readonly phaseLeftMs: number;
  readonly runLeftMs: number;
  readonly recent: Recent;
  readonly dropped: number;
  readonly faults: readonly string[];
}

/** How the system does at the moment, in one line. */
export function statusLine(status: Status): string {
  const { ratePerS, successShare, p99Ms } = status.recent;
  const parts = [
    status.phase.padEnd(8),
    `${left(status.phaseLeftMs)} left (run ${left(status.runLeftMs)})`,
    `${ratePerS.toFixed(0)}/s`,
    successShare === undefined ? "no answers" : `${(Math.floor(successShare * 1000) / 10).toFixed(1)}% ok`,
    p99Ms === undefined ? "p99 -" : `p99 ${Number.isFinite(p99Ms) ? `${p99Ms.toFixed(0)} ms` : "∞"}`,
  ];
  if (status.dropped > 0) parts.push(`${status.dropped} dropped`);
  parts.push(status.faults.length === 0 ? "no fault" : status.faults.join("; "));
  return parts.join("  ");
}

function left(ms: number): string {
  return `${Math.max(0, Math.ceil(ms / 1000))} s`;
}

function stamp(atMs: number): string {
  return `${(atMs / 1000).toFixed(1).padStart(6)} s`;
}

function emphasised(event: RunEvent, text: string, rewritable: boolean): string {
  const style = styleOf(event);
  return rewritable && style !== undefined ? styleText(style, text, { stream: process.stderr }) : text;
}

function styleOf(event: RunEvent): "bold" | "red" | "yellow" | undefined {
  if (event.type === "phase-started") return "bold";
  if (event.type === "fault") return event.state.startsWith("not-") ? "red" : "yellow";
  return event.type === "warning" || event.type === "bypass" ? "red" : undefined;
}
