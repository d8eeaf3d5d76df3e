import type { RequestLog } from "../log/log.ts";
import type { AnswersSpec, Loss, TierSpec } from "./spec.ts";
import type { StoreOptions } from "./store.ts";

/** A cache of whole answers. */
export interface AnswerCache {
  /** The row whose answer is served to `row`; -1 is a miss, and the row's own answer is then stored. */
  request(row: number): number;
  /** Which tier the last answer came from: 1 or 2. */
  readonly tier: 1 | 2;
  /** Drops the answer for the row's key from every tier. */
  invalidate(row: number): void;
  invalidateAll(): void;
  /** Drops the answers of the tenant and model of the row's key from every tier. */
  invalidateScope(row: number): void;
  lose(loss: Loss): void;
}

/** What every answer cache is made from. */
export interface AnswerInputs {
  readonly log: RequestLog;
  readonly spec: AnswersSpec;
  readonly losses: readonly Loss[];
  readonly key: Uint32Array;
  readonly keys: number;
  /** The parts of a store that do not depend on its tier's place. */
  storeOptions(tier: TierSpec): StoreOptions;
  /** Tells the keys of the tenant and model of the row's key. */
  ofScope(row: number): (key: number) => boolean;
}
