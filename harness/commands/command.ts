import type { Command } from "commander";
import type { Outcome } from "../exit-codes.ts";

/** One command of the program. */
export interface CliCommand {
  /** One line of the command table. */
  readonly summary: string;
  /** Command lines as they follow the program's name, with what they do. */
  readonly examples: readonly (readonly [line: string, what: string])[];
  /** Adds arguments, options and the action; the action hands its outcome to `finish`, and throws otherwise. */
  configure(command: Command, finish: (outcome: Outcome) => void): void;
}
