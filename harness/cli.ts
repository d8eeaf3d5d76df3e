#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { Interrupted } from "./abort.ts";
import { commands, defaultCommand } from "./commands/catalog.ts";
import { packageVersion } from "./commands/input/package-files.ts";
import { BreakwaterError } from "./errors.ts";
import { exitCodes, type Outcome } from "./exit-codes.ts";

const exitCodeHelp = `Exit codes:
  0    PASS           every SLO passed, every fault was proven
  1    FAIL           at least one SLO failed
  2    INCONCLUSIVE   the run does not allow a statement
  3    HARNESS ERROR  the harness or a tool failed: no statement on the system
  4    BAD INPUT      a file or an argument is wrong; nothing was started
  130  INTERRUPTED    stopped before the end`;

// Whoever read our output may be gone; the exit code and the run's folder still say all.
for (const output of [process.stdout, process.stderr]) output.on("error", () => {});

// By itself Node would exit with 1, which says that the system has failed. A run has a listener of its own, which
// ends what it has started.
process.on("uncaughtException", (thrown) => {
  if (process.listenerCount("uncaughtException") === 1) process.exit(exitCodes[report(thrown)]);
});

// Not left to an empty event loop: a gate that has its verdict must not hang on a forgotten timer or socket.
process.exit(exitCodes[await main()]);

async function main(): Promise<Outcome> {
  let outcome: Outcome = "HARNESS_ERROR";
  try {
    const program = await buildProgram((decided) => {
      outcome = decided;
    });
    await program.parseAsync(withCommand(process.argv), { from: "node" });
    return outcome;
  } catch (thrown) {
    return report(thrown);
  }
}

async function buildProgram(finish: (outcome: Outcome) => void): Promise<Command> {
  // What a user has to type to get here: through npm's script, or as the program itself.
  const name = process.env.npm_lifecycle_event === "chaos" ? "npm run chaos --" : "breakwater";
  const program = new Command(name)
    .description("Storms a service's cache and network, and gives a verdict that can be trusted.")
    .version(await packageVersion())
    .usage("<scenario> [options], or <command> [arguments] [options]")
    .showHelpAfterError("(--help shows what there is)")
    .addHelpText("after", `\n${exitCodeHelp}`)
    .exitOverride();
  for (const [commandName, load] of Object.entries(commands)) {
    const { default: command } = await load();
    const subcommand = program
      .command(commandName, { isDefault: commandName === defaultCommand })
      .summary(command.summary)
      .description(sentence(command.summary))
      .addHelpText("after", examplesHelp(name, command.examples));
    command.configure(subcommand, finish);
  }
  return program;
}

/** `node-kill --help` asks for the help of a run: commander would show its own where no command is named. */
function withCommand(argv: readonly string[]): readonly string[] {
  const [node = "", script = "", first, ...rest] = argv;
  const isScenario =
    first !== undefined && !first.startsWith("-") && first !== "help" && !(first in commands);
  const asksForHelp = rest.includes("--help") || rest.includes("-h");
  return isScenario && asksForHelp ? [node, script, defaultCommand, first, ...rest] : argv;
}

/** Tells the user why nothing came of it. */
function report(thrown: unknown): Outcome {
  // Commander has told already, or has printed the help that was asked for.
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? "PASS" : "BAD_INPUT";
  if (thrown instanceof Interrupted) {
    console.error(`breakwater: ${thrown.message}`);
    return "INTERRUPTED";
  }
  if (thrown instanceof BreakwaterError) {
    console.error(`breakwater: ${thrown.code}: ${thrown.message}`);
    if (thrown.hint !== undefined) console.error(`hint: ${thrown.hint}`);
    return thrown.kind;
  }
  console.error("breakwater: this is a bug in Breakwater; please report it with the stack below");
  console.error(thrown);
  return "HARNESS_ERROR";
}

function sentence(summary: string): string {
  return `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`;
}

function examplesHelp(program: string, examples: readonly (readonly [line: string, what: string])[]): string {
  const width = Math.max(...examples.map(([line]) => line.length));
  const lines = examples.map(([line, what]) => `  ${program} ${line.padEnd(width)}  ${what}`);
  return `\nExamples:\n${lines.join("\n")}`;
}
