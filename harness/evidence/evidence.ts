import type { Deployment } from "../substrates/substrate.ts";

/**
 * Independent proof of what is in force. A check never asks the injector nor believes an operation's return
 * value: it looks at the process itself, or at the same path from the link's source.
 */
export interface Proof {
  /** Whether the fault is in force now. */
  readonly inForce: Check;
  /** Whether it is gone, and what it hit serves again. */
  readonly healed: Check;
}

export type Check = (deployment: Deployment, signal: AbortSignal) => Promise<Observation>;

export interface Observation {
  readonly holds: boolean;
  /** One sentence with the measured values, whether it holds or not. */
  readonly saw: string;
}
