import type { Plan } from "../plan/plan.ts";
import type { Verdict } from "../verdict/verdict.ts";

/** Shows a verdict to someone. A pure function: reporting an old run again gives the same bytes. */
export interface Reporter {
  /** Its file in the run's folder; absent where it goes to standard output. */
  readonly file?: string;
  /**
   * @param colour whether the reader shows ANSI colours; files have none
   * @param busy what is to be said of a machine that was busy (`busyMachine`)
   */
  render(verdict: Verdict, plan: Plan, colour: boolean, busy?: string): string;
}
