import { setTimeout as delay } from "node:timers/promises";
import { reasonOf } from "../errors.ts";
import type { Observation, Proof } from "../evidence/evidence.ts";
import { prove, watch } from "../evidence/prove.ts";
import { faults } from "../faults/catalog.ts";
import type { AnyFault } from "../faults/fault.ts";
import type { EventBody, FaultState } from "../journal/event.ts";
import type { PlannedFault } from "../plan/plan.ts";
import type { Deployment, Operation } from "../substrates/substrate.ts";
import { heal, type UndoRecords } from "../undo/records.ts";
import { resolveTarget } from "./targets.ts";

/** A fault that does not show within this time is not proven. */
const provenWithinMs = 5_000;
/** A node that was started again must load, be taken back and be in sync. */
const healedWithinMs = 20_000;
/** A busy moment must not look like the end of a fault. */
const lastLookWithinMs = 1_000;
/** How often it is looked at whether the fault is still in force. */
const watchEveryMs = 500;

/**
 * One fault from its time to its end: resolve, write the way back down, act, prove; at the end heal and prove
 * that too. What cannot be proven is recorded and is no reason to stop. Rejects only when acting or healing
 * itself fails, or the signal is aborted; the undo record then stays for whoever heals.
 */
export async function inject(
  planned: PlannedFault,
  deployment: Deployment,
  records: UndoRecords,
  record: (source: string, body: EventBody, atMs?: number) => void,
  nowMs: () => number,
  signal: AbortSignal,
): Promise<void> {
  const { id, kind } = planned;
  const fault = await faultOf(kind);
  let targets: string[] = [];
  const tell = (state: FaultState, saw?: string, atMs?: number) => {
    const body = {
      type: "fault",
      fault: id,
      kind,
      state,
      targets,
      ...(saw === undefined ? {} : { saw }),
    } as const;
    record("evidence", body, atMs);
  };
  const runMs = (sinceMs: number) => nowMs() - (performance.now() - sinceMs);

  try {
    targets = await resolveTarget(planned.target, deployment);
  } catch (thrown) {
    tell("not-proven", reasonOf(thrown));
    return;
  }
  const { act, undo, proof } = fault.effect({ fault: id, targets }, planned.params);
  // What is so already would be proven without the fault having done anything.
  const before = act.length === 0 ? undefined : await prove(proof.inForce, deployment, 0, signal);
  if (before?.holds) {
    tell("not-proven", `it was so before the fault was requested: ${before.saw}`);
    return;
  }
  const undoRecord = { fault: id, kind, operations: undo };
  await records.write(undoRecord);
  signal.throwIfAborted();

  const startedAt = performance.now();
  tell("requested");
  await performAll(act, deployment);
  const seen = await prove(proof.inForce, deployment, Math.min(provenWithinMs, planned.forMs), signal);
  // It was in force when the look began that saw it, and requests met it from then on.
  tell(seen.holds ? "proven" : "not-proven", seen.saw, runMs(seen.sinceMs));

  const over = new AbortController();
  const watched = seen.holds
    ? watch(proof.inForce, deployment, watchEveryMs, AbortSignal.any([over.signal, signal]))
    : Promise.resolve(undefined);
  // Awaited below, unless the wait before it is aborted.
  watched.catch(() => {});
  await delay(Math.max(0, planned.forMs - (performance.now() - startedAt)), undefined, { signal });
  over.abort();
  const lapse =
    (await watched.catch(() => undefined)) ??
    (seen.holds ? await lapsed(proof, deployment, signal) : undefined);
  if (lapse !== undefined) tell("not-proven", `it was in force and then no longer: ${lapse.saw}`);

  tell("heal-requested");
  await heal(undoRecord, deployment, records);
  const healed = await prove(proof.healed, deployment, healedWithinMs, signal);
  tell(healed.holds ? "healed-proven" : "not-healed", healed.saw, runMs(healed.sinceMs));
}

/** Every operation has ended when this does, also when one of them fails. */
async function performAll(operations: readonly Operation[], deployment: Deployment): Promise<void> {
  const results = await Promise.allSettled(operations.map((operation) => deployment.perform(operation)));
  const failure = results.find((result) => result.status === "rejected");
  if (failure !== undefined) throw failure.reason;
}

/** The watch looks now and then; this is the look at the very end. */
async function lapsed(
  proof: Proof,
  deployment: Deployment,
  signal: AbortSignal,
): Promise<Observation | undefined> {
  const last = await prove(proof.inForce, deployment, lastLookWithinMs, signal);
  return last.holds ? undefined : last;
}

async function faultOf(kind: string): Promise<AnyFault> {
  const known: Record<string, (() => Promise<{ default: AnyFault }>) | undefined> = faults;
  const load = known[kind];
  if (load === undefined) throw new Error(`Cannot inject "${kind}": the plan should have refused it`);
  return (await load()).default;
}
