import type { EventBody, FaultState, RunEvent, Sample } from "../journal/event.ts";
import type { Plan, PlannedFault, PlannedSlo } from "../plan/plan.ts";

/**
 * A run that went well, as a plan, a journal and samples: 100 requests/s for 13 s. Warm-up from 0 s, baseline
 * from 1 s, fault from 5 s (proven at 5.05 s, healing at 9 s, healed at 9.5 s), recovery from 9 s, end at 13 s.
 */
export interface Recorded {
  readonly plan: Plan;
  readonly events: readonly RunEvent[];
  readonly samples: readonly Sample[];
}

export const faultId = "0-kill-node";

export function recorded(slos: readonly PlannedSlo[]): Recorded {
  return {
    plan: plan(slos, [
      { id: faultId, kind: "kill-node", target: { hits: "nothing" }, atMs: 5000, forMs: 4000, params: {} },
    ]),
    events: [
      ...opening,
      fault("requested", 5000),
      fault("proven", 5050),
      phase("fault", 5000),
      fault("heal-requested", 9000),
      phase("recovery", 9000),
      fault("healed-proven", 9500),
      ...closing,
    ],
    samples: arrivals(),
  };
}

/** The same without a fault: a baseline from 1 s to 13 s. */
export function recordedSteady(slos: readonly PlannedSlo[]): Recorded {
  return { plan: plan(slos, []), events: [...opening, ...closing], samples: arrivals() };
}

export function event(atMs: number, body: EventBody): RunEvent {
  return { atMs, source: "harness", arm: "main", attempt: 1, ...body };
}

export function fault(state: FaultState, atMs: number): RunEvent {
  const saw = state === "proven" ? "the process is gone" : undefined;
  return event(atMs, {
    type: "fault",
    fault: faultId,
    kind: "kill-node",
    state,
    targets: ["redis-2"],
    ...(saw === undefined ? {} : { saw }),
  });
}

/** The same with its fault on the link api-0>redis-2, which has been used before. */
export function onLink(run: Recorded): Recorded {
  const target = { hits: "link", from: "api", to: "redis", ranks: [2] } as const;
  return {
    plan: { ...run.plan, faults: run.plan.faults.map((one) => ({ ...one, target })) },
    events: run.events.map((one) => (one.type === "fault" ? { ...one, targets: ["api-0>redis-2"] } : one)),
    samples: run.samples,
  };
}

export function sample(startMs: number, differing: Partial<Sample> = {}): Sample {
  return {
    startMs,
    durationMs: 10,
    status: 200,
    error: "",
    phase: "",
    cache: "hit",
    answer: "right",
    source: "k6",
    arm: "main",
    attempt: 1,
    ...differing,
  };
}

/** A request without an answer. */
export const lostConnection = { status: 0, error: "1212", cache: "", answer: "" } as const;

/** The run with some of its samples changed, or left out where there is none in its place. */
export function changed(
  run: Recorded,
  fromMs: number,
  untilMs: number,
  change: (one: Sample, index: number) => Sample | undefined,
): Recorded {
  const samples = run.samples.flatMap((one, index) =>
    one.startMs >= fromMs && one.startMs < untilMs ? (change(one, index) ?? []) : [one],
  );
  return { ...run, samples };
}

export function without(run: Recorded, matches: (event: RunEvent) => boolean): Recorded {
  return { ...run, events: run.events.filter((one) => !matches(one)) };
}

function phase(name: "warmup" | "baseline" | "fault" | "recovery" | "end", atMs: number): RunEvent {
  return event(atMs, { type: "phase-started", phase: name });
}

const opening: readonly RunEvent[] = [
  event(-4000, {
    type: "run-started",
    runId: "2026-11-23T06-20-11Z-test",
    startedAt: "2026-11-23T06:20:11.000Z",
    seed: 7,
    versions: {},
  }),
  event(0, { type: "load-started", ratePerS: 100, durationMs: 13_000, vus: 350 }),
  phase("warmup", 0),
  phase("baseline", 1000),
  event(1000, {
    type: "traffic",
    entry: { "api-0": 1 },
    links: { "api-0>redis-2": { connections: 1, bytesOut: 100, bytesIn: 100 } },
  }),
];

const closing: readonly RunEvent[] = [
  phase("end", 13_000),
  event(13_400, { type: "load-ended", code: 0, signal: null, expected: true }),
  event(13_500, { type: "run-ended", how: "completed" }),
];

function arrivals(): Sample[] {
  return Array.from({ length: 1300 }, (_, index) => sample(index * 10));
}

function plan(slos: readonly PlannedSlo[], faults: readonly PlannedFault[]): Plan {
  return {
    version: 1,
    scenario: "test",
    title: "A test",
    hypothesis: "All is well.",
    system: "reference",
    substrate: "local",
    seed: 7,
    without: [],
    env: {},
    load: {
      script: "/load.ts",
      reports: ["cache", "answer"],
      ratePerS: 100,
      keys: { distribution: "zipf", exponent: 1, count: 500 },
      timeoutMs: 3000,
      env: {},
      reads: [],
      vus: 350,
      durationMs: 13_000,
    },
    phases: [
      { phase: "warmup", fromMs: 0, untilMs: 1000 },
      { phase: "baseline", fromMs: 1000, untilMs: 5000 },
      { phase: "fault", fromMs: 5000, untilMs: 9000 },
      { phase: "recovery", fromMs: 9000, untilMs: 13_000 },
    ],
    faults,
    slos,
  };
}
