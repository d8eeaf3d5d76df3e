import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { RunEvent } from "../harness/journal/event.ts";
import { startCli } from "../harness/testing/cli.ts";
import { recorded } from "../harness/testing/recorded-run.ts";
import { judge } from "../harness/verdict/judge.ts";

/** What the harness itself costs, measured on real runs of `steady`. Prints minimum, median and maximum. */
const runs = Number(process.argv[2] ?? 3);
const ticksPerSecond = 100;

/** From a Ctrl-C in the middle of a fault to the program's exit. */
async function interruptSeconds(): Promise<number> {
  await using run = await startCli(["node-kill"]);
  await run.event((event) => event.type === "fault" && event.state === "proven");
  const askedAt = performance.now();
  run.child.kill("SIGINT");
  await run.exit;
  return (performance.now() - askedAt) / 1000;
}

interface Figures {
  readonly startUpS: number;
  readonly teardownS: number;
  readonly beyondPhasesS: number;
  readonly cpuShare: number;
}

async function measure(): Promise<Figures> {
  const startedAt = performance.now();
  await using run = await startCli(["steady"]);
  const pid = run.child.pid ?? 0;
  await run.event(phase("baseline"));
  const before = { cpuS: cpuSeconds(pid), at: performance.now() };
  await run.event(phase("end"));
  const loadS = (performance.now() - before.at) / 1000;
  const cpuS = cpuSeconds(pid) - before.cpuS;
  await run.event(({ type }) => type === "run-ended");
  const endedAt = performance.now();
  if ((await run.exit) !== 0) throw new Error(run.output());
  const teardownS = (performance.now() - endedAt) / 1000;
  const wallS = (performance.now() - startedAt) / 1000;
  const ready = await run.event(({ type }) => type === "system-ready");
  const load = await run.event(({ type }) => type === "load-started");
  return {
    startUpS: ready.type === "system-ready" ? ready.tookMs / 1000 : Number.NaN,
    teardownS,
    beyondPhasesS: wallS - (load.type === "load-started" ? load.durationMs / 1000 : 0),
    cpuShare: cpuS / loadS,
  };
}

function phase(name: string): (event: RunEvent) => boolean {
  return (event) => event.type === "phase-started" && event.phase === name;
}

/** User and system time of a process so far, from /proc. */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

async function judgeSeconds(): Promise<number> {
  const run = recorded([
    { slo: "availability", limit: "99%", during: [] },
    { slo: "latency", limit: { p99: "800ms" }, during: ["fault"] },
    { slo: "answers", limit: "correct", during: [] },
  ]);
  const samples = Array.from({ length: 100_000 }, (_, index) => {
    const sample = run.samples[index % run.samples.length];
    if (sample === undefined) throw new Error("the recorded run has no samples");
    return sample;
  });
  const startedAt = performance.now();
  await judge(run.plan, { ...run, samples });
  return (performance.now() - startedAt) / 1000;
}

function show(what: string, values: readonly number[], unit: string): void {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => (sorted[Math.round(share * (sorted.length - 1))] ?? Number.NaN).toFixed(2);
  console.log(`${what.padEnd(40)} ${at(0).padStart(7)} ${at(0.5).padStart(7)} ${at(1).padStart(7)} ${unit}`);
}

const figures: Figures[] = [];
for (let count = 0; count < runs; count += 1) {
  figures.push(await measure());
  await delay(500);
}
const interrupted = [await interruptSeconds()];
const judged: number[] = [];
for (let count = 0; count < 5; count += 1) judged.push(await judgeSeconds());

console.log(`${`over ${runs} runs of steady`.padEnd(40)}     min  median     max`);
show(
  "start-up to ready",
  figures.map(({ startUpS }) => startUpS),
  "s",
);
show(
  "end of the run to the program's exit",
  figures.map(({ teardownS }) => teardownS),
  "s",
);
show(
  "time beyond the planned phases",
  figures.map(({ beyondPhasesS }) => beyondPhasesS),
  "s",
);
show(
  "the harness's CPU during load",
  figures.map(({ cpuShare }) => cpuShare * 100),
  "% of one core",
);
show("Ctrl-C in a fault to the program's exit", interrupted, "s");
show("judging 100,000 samples", judged, "s");
