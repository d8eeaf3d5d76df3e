import { writeFile } from "node:fs/promises";
import { availableParallelism, loadavg } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { Interrupted } from "../abort.ts";
import { BreakwaterError, reasonOf } from "../errors.ts";
import type { EventBody, FaultState, RunEvent, Sample } from "../journal/event.ts";
import type { RunFolder } from "../journal/run-folder.ts";
import { openSamples } from "../journal/samples.ts";
import { openJournal } from "../journal/writer.ts";
import type { Plan } from "../plan/plan.ts";
import type { Deployment, Substrate } from "../substrates/substrate.ts";
import type { System } from "../system/system.ts";
import type { Tools } from "../toolchain/tools.ts";
import { heal, openUndoRecords, type UndoRecords } from "../undo/records.ts";
import { storm } from "./storm.ts";

export interface RunOptions {
  readonly plan: Plan;
  readonly runId: string;
  readonly system: System;
  readonly substrate: Substrate;
  readonly tools: Tools;
  /** Of the programs that take part, by name; for the record. */
  readonly versions: Readonly<Record<string, string>>;
  readonly folder: RunFolder;
  /** Aborted: heal, stop, and record the run as interrupted. */
  readonly stop: AbortSignal;
  /** Aborted: there is no time left for anything but ending what was started. */
  readonly hurry: AbortSignal;
  readonly onEvent: (event: RunEvent) => void;
  readonly onSample: (sample: Sample) => void;
  /** Called when the run is recorded to its end and the system is still up. */
  readonly beforeStop?: (deployment: Deployment) => Promise<void>;
}

/** Healing must leave time for stopping: a cancelled CI job gives 7.5 s for all. */
const healWithinMs = 1_500;

/**
 * Plan → journal. However it ends, every fault is healed, every process stopped, and how it ended is the
 * journal's last word, also that something could not be stopped. This rejects only when there is nothing to
 * record it in.
 *
 * @throws BreakwaterError JOURNAL_UNWRITABLE, RUN_FOLDER_UNWRITABLE, UNDO_UNWRITABLE
 */
export async function run(options: RunOptions): Promise<void> {
  const { plan, folder, stop } = options;
  const zeroMs = performance.now();
  const nowMs = () => performance.now() - zeroMs;
  await writeFile(folder.plan, `${JSON.stringify(plan, undefined, 2)}\n`).catch((cause: unknown) => {
    throw new BreakwaterError(
      "HARNESS_ERROR",
      "RUN_FOLDER_UNWRITABLE",
      `Cannot write "${folder.plan}": ${reasonOf(cause)}`,
      { cause },
    );
  });
  const records = openUndoRecords(folder.undo);
  const journal = openJournal(folder.journal, nowMs);
  const samples = openSamples(folder.samples);
  const record = (source: string, body: EventBody, atMs?: number) =>
    options.onEvent(journal.record(source, body, atMs));
  const sample = (one: Sample) => {
    samples.add(one);
    options.onSample(one);
  };
  const startedAt = new Date();
  record("harness", {
    type: "run-started",
    runId: options.runId,
    startedAt: startedAt.toISOString(),
    seed: plan.seed,
    versions: options.versions,
  });
  record("harness", machine());

  const giveUp = new AbortController();
  const signal = AbortSignal.any([stop, giveUp.signal]);
  // Without a record there is no run.
  Promise.race([journal.broken, samples.broken]).catch((thrown: unknown) => giveUp.abort(thrown));

  try {
    const { system, substrate, tools, runId, hurry } = options;
    const startOptions = { runId, runDir: folder.path, env: plan.env, tools, record, hurry };
    const deployment = await substrate.start(system, startOptions, signal);
    try {
      await storm({ plan, tools, folder, deployment, records, record, sample, nowMs, signal });
      record("harness", machine());
      record("harness", { type: "run-ended", how: "completed" });
    } catch (thrown) {
      giveUp.abort(thrown);
      await healAll(records, deployment, hurry, record);
      record("harness", ending(thrown, stop));
    }
    try {
      samples.close();
      if (!stop.aborted) await options.beforeStop?.(deployment);
    } finally {
      await dispose(deployment, record);
    }
  } catch (thrown) {
    giveUp.abort(thrown);
    record("harness", ending(thrown, stop));
  } finally {
    try {
      samples.close();
    } finally {
      journal.close();
    }
  }
}

function machine(): EventBody {
  const [load1m = 0] = loadavg();
  return { type: "machine", load1m, cores: availableParallelism() };
}

/** What could not be stopped is the last word of the journal, whatever came before. */
async function dispose(
  deployment: Deployment,
  record: (source: string, body: EventBody) => void,
): Promise<void> {
  try {
    await deployment[Symbol.asyncDispose]();
  } catch (thrown) {
    const message = `Cannot stop all that was started: ${reasonOf(thrown)}`;
    record("harness", { type: "run-ended", how: "failed", error: { code: "NOT_STOPPED", message } });
  }
}

function ending(thrown: unknown, stop: AbortSignal): EventBody {
  if (stop.aborted && stop.reason instanceof Interrupted) return { type: "run-ended", how: "interrupted" };
  const code = thrown instanceof BreakwaterError ? thrown.code : "UNEXPECTED";
  const hint = thrown instanceof BreakwaterError && thrown.hint !== undefined ? `\nhint: ${thrown.hint}` : "";
  return { type: "run-ended", how: "failed", error: { code, message: `${reasonOf(thrown)}${hint}` } };
}

/**
 * Heals what is still in force after a run that ended early, and records it. What cannot be healed now ends with
 * its process.
 */
async function healAll(
  records: UndoRecords,
  deployment: Deployment,
  hurry: AbortSignal,
  record: (source: string, body: EventBody) => void,
): Promise<void> {
  // Nothing may start any more when there is no time left for anything but stopping.
  if (hurry.aborted) return;
  const healing = (await records.all()).map(async (undo) => {
    const tell = (state: FaultState, saw?: string) => {
      const { fault, kind } = undo;
      const targets = undo.operations.map((operation) =>
        "link" in operation ? operation.link : operation.member,
      );
      record("harness", {
        type: "fault",
        fault,
        kind,
        state,
        targets,
        ...(saw === undefined ? {} : { saw }),
      });
    };
    tell("heal-requested");
    await heal(undo, deployment, records).catch((thrown: unknown) => tell("not-healed", reasonOf(thrown)));
  });
  await Promise.race([
    Promise.all(healing),
    delay(healWithinMs, undefined, { signal: hurry }).catch(() => {}),
  ]);
}
