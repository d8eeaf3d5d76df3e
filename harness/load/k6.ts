import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { BreakwaterError, reasonOf } from "../errors.ts";
import type { EventBody, Sample } from "../journal/event.ts";
import type { Deployment } from "../substrates/substrate.ts";
import type { LoadSpec } from "./load-spec.ts";
import { createSampleStream, type LoadRow } from "./sample-stream.ts";
import { sumPerStretch } from "./stretches.ts";
import { createWallClock } from "./wall-clock.ts";
import { wrapperScript } from "./wrapper-script.ts";

export interface LoadOptions {
  readonly load: LoadSpec;
  readonly seed: number;
  /** Where the load goes. */
  readonly entry: URL;
  readonly deployment: Pick<Deployment, "launch">;
  /** Path of the k6 program; tried with 1.8.1; by its release notes 2.x takes the same options. */
  readonly k6: string;
  /** Where the generated script is put; it exists. */
  readonly workDir: string;
  /** Where the deployment puts k6's stderr; quoted in errors. */
  readonly logFile: string;
  /** Run time in ms. */
  readonly nowMs: () => number;
  /** The phase that the run was in at that run time; empty before the first. */
  readonly phaseAt: (startMs: number) => Sample["phase"];
  readonly onSample: (sample: Sample) => void;
  /** `atMs`: the run time at which it happened, where that is not now. */
  readonly record: (source: string, body: EventBody, atMs?: number) => void;
}

export interface Load {
  /**
   * The run time of the first arrival.
   * @throws BreakwaterError `LOAD_FAILED` when k6 ends before it, `LOAD_REPORTS_NOTHING` when the script runs
   *   and reports no request, `LOAD_NOT_STARTED` when nothing comes in time
   */
  readonly started: Promise<number>;
  /** Resolves when k6 has ended and its last sample was handed on. Rejects with what a callback has thrown. */
  readonly ended: Promise<LoadEnd>;
  /** Ends the load before its time. What was under way is lost. */
  stop(): Promise<void>;
}

export interface LoadEnd {
  readonly code: number | null;
  readonly signal: string | null;
  readonly samples: number;
  /** Rows that could not be counted as samples. */
  readonly malformed: number;
}

/** k6 makes its VUs before the first arrival: 2000 take less than a second on a quiet machine. */
const startUpMs = 30_000;
/** So many runs of the script without one reported request are no accident. */
const silentIterations = 20;

/** Starts k6 with the plan's load, and turns its output into samples as it comes. */
export async function startLoad(options: LoadOptions): Promise<Load> {
  const { load, record } = options;
  const wrapper = join(options.workDir, "load.js");
  await writeFile(wrapper, wrapperScript(load));
  const job = await options.deployment.launch({
    name: "k6",
    command: [
      options.k6,
      "run",
      "--quiet",
      "--summary-mode=disabled",
      // By itself k6 sends a usage report, and before 2.0 it listens on port 6565.
      "--no-usage-report",
      "--address=",
      "--out=csv",
      wrapper,
    ],
    env: {
      ...load.env,
      K6_AUTO_EXTENSION_RESOLUTION: "false",
      K6_CSV_FILENAME: "-",
      // A longer interval makes for longer pauses in k6 when it writes.
      K6_CSV_SAVE_INTERVAL: "100ms",
      // Its default is whole seconds.
      K6_CSV_TIME_FORMAT: "unix_micro",
      BREAKWATER_URL: options.entry.origin,
      BREAKWATER_TIMEOUT_MS: String(load.timeoutMs),
      BREAKWATER_SEED: String(options.seed),
      BREAKWATER_KEYS: JSON.stringify(load.keys),
    },
    inherits: (name) => mayInherit(name, load),
    cwd: dirname(load.script),
  });

  const clock = createWallClock(options.nowMs, (wallAtZeroMs) =>
    record("k6", { type: "clock", clock: "k6", wallAtZeroMs }),
  );
  const started = Promise.withResolvers<number>();
  // Whoever waits for the end only must not be brought down by the start.
  started.promise.catch(() => {});
  const deadline = setTimeout(
    () => started.reject(notStarted(options, startUpMs + load.timeoutMs)),
    startUpMs + load.timeoutMs,
  );

  let firstArrivalMs: number | undefined;
  let samples = 0;
  let malformed = 0;
  let iterations = 0;
  let firstMalformed = "";
  let stopping = false;

  const take = (rows: readonly LoadRow[]) => {
    const arrivals: number[] = [];
    const dropped: { atMs: number; count: number }[] = [];
    const extra: { atMs: number; count: number }[] = [];
    for (const row of rows) {
      switch (row.type) {
        case "request": {
          const startMs = clock.toRunMs(row.endWallMs) - row.durationMs;
          arrivals.push(startMs);
          samples += 1;
          options.onSample(toSample(row, startMs, options.phaseAt(startMs)));
          break;
        }
        case "dropped":
          dropped.push({ atMs: clock.toRunMs(row.wallMs), count: row.count });
          break;
        case "extra":
          extra.push({ atMs: clock.toRunMs(row.wallMs), count: row.count });
          break;
        case "iteration":
          iterations += 1;
          break;
        case "malformed":
          malformed += 1;
          if (malformed > 1) break;
          firstMalformed = `a row of k6's output was not understood, because ${row.because}: "${row.row}"`;
          record("k6", { type: "warning", code: "SAMPLE_MALFORMED", message: firstMalformed });
          break;
      }
    }
    for (const { atMs, count } of sumPerStretch(dropped)) {
      arrivals.push(atMs);
      record("k6", { type: "arrivals-dropped", count }, atMs);
    }
    for (const { atMs, count } of sumPerStretch(extra)) {
      record("k6", { type: "extra-load", count }, atMs);
    }
    if (firstArrivalMs === undefined && arrivals.length > 0) {
      firstArrivalMs = Math.min(...arrivals);
      clearTimeout(deadline);
      const { ratePerS, durationMs, vus } = load;
      record("k6", { type: "load-started", ratePerS, durationMs, vus }, firstArrivalMs);
      started.resolve(firstArrivalMs);
    } else if (firstArrivalMs === undefined && iterations >= silentIterations) {
      started.reject(reportsNothing(load, iterations, firstMalformed));
    }
  };

  const follow = async (): Promise<LoadEnd> => {
    const stream = createSampleStream();
    job.stdout.setEncoding("utf8");
    for await (const chunk of job.stdout) {
      clock.check();
      take(stream.push(String(chunk)));
    }
    take(stream.end());
    const { code, signal } = await job.exited;
    if (malformed > 1) {
      const message = `${malformed} rows of k6's output were not understood; each counts as a missing sample`;
      record("k6", { type: "warning", code: "SAMPLE_MALFORMED", message });
    }
    record("k6", { type: "load-ended", code, signal, expected: stopping || code === 0 });
    if (firstArrivalMs === undefined) {
      started.reject(
        code === 0
          ? reportsNothing(load, iterations, firstMalformed)
          : await endedEarly(
              options,
              stopping ? "it was stopped" : `k6 ended with ${signal ?? `code ${code}`}`,
            ),
      );
    }
    return { code, signal, samples, malformed };
  };

  const ended = follow()
    .catch(async (thrown: unknown) => {
      started.reject(thrown);
      await job.stop();
      throw thrown;
    })
    .finally(() => clearTimeout(deadline));
  ended.catch(() => {});

  return {
    started: started.promise,
    ended,
    async stop() {
      stopping = true;
      await job.stop();
      await ended.catch(() => {});
    },
  };
}

/**
 * Whether k6 may have a variable from the shell. What the load is must stand in the scenario: not the script's
 * settings; and not k6's own variables, which outrank the options of a script.
 */
function mayInherit(name: string, { reads }: LoadSpec): boolean {
  return !name.startsWith("K6_") && !reads.includes(name);
}

function toSample(row: LoadRow & { type: "request" }, startMs: number, phase: Sample["phase"]): Sample {
  const { durationMs, status, error, cache, answer } = row;
  return { startMs, durationMs, status, error, phase, cache, answer, source: "k6", arm: "main", attempt: 1 };
}

function reportsNothing(load: LoadSpec, iterations: number, firstMalformed: string): BreakwaterError {
  const why = firstMalformed === "" ? "" : `; ${firstMalformed}`;
  return new BreakwaterError(
    "HARNESS_ERROR",
    "LOAD_REPORTS_NOTHING",
    `Cannot measure with the load script "${load.script}": it ran ${iterations} times and reported no request${why}`,
    { hint: 'each request adds its duration to the Trend "breakwater_request"; docs/load.md shows how' },
  );
}

function notStarted(options: LoadOptions, waitedMs: number): BreakwaterError {
  return new BreakwaterError(
    "HARNESS_ERROR",
    "LOAD_NOT_STARTED",
    `Cannot start the load with "${options.load.script}": k6 reported nothing within ${waitedMs / 1000} s`,
    { hint: `k6's own words are in ${options.logFile}` },
  );
}

async function endedEarly(options: LoadOptions, how: string): Promise<BreakwaterError> {
  const said = await lastLines(options.logFile, 5);
  return new BreakwaterError(
    "HARNESS_ERROR",
    "LOAD_FAILED",
    `Cannot run the load with "${options.load.script}": ${how} before the first request${said}`,
    { hint: `the whole log is ${options.logFile}` },
  );
}

async function lastLines(file: string, count: number): Promise<string> {
  try {
    const lines = (await readFile(file, "utf8")).trimEnd().split("\n").slice(-count);
    return `; it said last:\n${lines.map((line) => `  ${line}`).join("\n")}`;
  } catch (thrown) {
    return `; its log could not be read: ${reasonOf(thrown)}`;
  }
}
