import type { Rates } from "./rates.ts";

/** Where prices come from. */
export interface PriceSource {
  /** What stands beside every figure: the source with its version. */
  readonly source: string;
  /** ISO date of the prices. */
  readonly date: string;
  /** What one request of the model costs at a time; undefined where the source has no price. */
  rates(model: string, at: Date): Rates | undefined;
  /** Whether the model's price depends on when the request is made. */
  dependsOnTime(model: string): boolean;
}
