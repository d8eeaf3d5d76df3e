import type { Policy } from "./policy.ts";
import { timeout } from "./timeout.ts";

/** The time for the whole request ran out. Not a failure of any one dependency. */
export class DeadlineExceeded extends Error {
  override readonly name = "DeadlineExceeded";
}

/** The outermost bound: what a request may take in all, over every dependency and attempt. */
export function deadline(ms: number): Policy {
  return timeout(ms, () => new DeadlineExceeded(`the request was not answered in ${ms} ms`));
}
