import type { Operation } from "../substrates/substrate.ts";

/**
 * The way back from one fault, as plain data: written and synced before the fault acts, so that whoever
 * finds it can heal. Operations are carried out side by side, and repeating them is harmless.
 */
export interface UndoRecord {
  readonly fault: string;
  readonly kind: string;
  readonly operations: readonly Operation[];
}
