import type { z } from "zod";
import type { Proof } from "../evidence/evidence.ts";
import type { Capability, Operation } from "../substrates/substrate.ts";

/**
 * One way to break something, and the way back. A fault is a pure description: the run writes `undo` down,
 * then carries out `act`, then lets `proof` say whether the world has changed.
 */
export interface Fault<P extends z.ZodObject = z.ZodObject> {
  /** What it hits: a replica or node, the master of a store's shard at that moment, a link, or nothing at all. */
  readonly hits: "member" | "shard" | "link" | "nothing";
  /** What the substrate must offer. The planner refuses the scenario otherwise. */
  readonly needs: readonly Capability[];
  /** The keys that a scenario may give beside kind, target, at and for. */
  readonly params: P;
  effect(context: FaultContext, params: z.output<P>): Effect;
}

export interface FaultContext {
  /** Unique in the run; names the shapes that this fault puts on links. */
  readonly fault: string;
  /** Members or links, resolved when the fault begins; at least one unless the fault hits nothing. */
  readonly targets: readonly string[];
}

export interface Effect {
  readonly act: readonly Operation[];
  readonly undo: readonly Operation[];
  readonly proof: Proof;
}

/** A fault as the catalog holds it: its own schema reads the parameters that a plan carries. */
export interface AnyFault extends Omit<Fault, "effect"> {
  /** @throws ZodError when the parameters are not this fault's */
  effect(context: FaultContext, params: unknown): Effect;
}

export function defineFault<P extends z.ZodObject>(fault: Fault<P>): AnyFault {
  return { ...fault, effect: (context, params) => fault.effect(context, fault.params.parse(params)) };
}
