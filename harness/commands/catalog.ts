import type { CliCommand } from "./command.ts";

/** Every command, by name, in the order of the command table. A new one is a new file and a line here. */
export const commands = {
  run: () => import("./run.ts"),
  list: () => import("./list.ts"),
  plan: () => import("./plan.ts"),
  up: () => import("./up.ts"),
  judge: () => import("./judge.ts"),
  clean: () => import("./clean.ts"),
  doctor: () => import("./doctor.ts"),
} satisfies Record<string, () => Promise<{ default: CliCommand }>>;

/** The command that is meant where the first word is the name of none. */
export const defaultCommand = "run" satisfies keyof typeof commands;
