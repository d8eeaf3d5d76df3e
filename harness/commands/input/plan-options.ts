import { access } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { BreakwaterError } from "../../errors.ts";
import { makePlan } from "../../plan/make-plan.ts";
import type { Plan } from "../../plan/plan.ts";
import { readScenario, readSystem } from "../../scenario/read.ts";
import { type SubstrateName, substrates } from "../../substrates/catalog.ts";
import type { Offer, Substrate } from "../../substrates/substrate.ts";
import type { System } from "../../system/system.ts";
import { packagedScenarios, packagedSystem } from "./package-files.ts";
import { findScenario } from "./scenario-files.ts";

export interface SystemOptions {
  readonly system?: string;
  readonly without?: readonly string[];
}

export interface PlanOptions extends SystemOptions {
  readonly seed?: number;
  readonly mustFail?: true;
}

/** The options that say which system, and in which state. */
export function addSystemOptions(command: Command, what: string): Command {
  return command
    .option("--system <file>", what)
    .option("--without <switch>", "throw a switch of the system; can be repeated", collect);
}

/** The options that decide a plan, beside the scenario. */
export function addPlanOptions(command: Command): Command {
  return addSystemOptions(
    command,
    "what is stormed: a file, or `reference` (default: the system.yaml of the scenario)",
  )
    .option("--seed <number>", "of all draws, in place of the scenario's", toSeed)
    .option("--must-fail", "make the change with which the scenario says that it must fail");
}

export interface PreparedPlan {
  readonly plan: Plan;
  readonly system: System;
  readonly substrate: Substrate;
  readonly offer: Offer;
}

/** The names of all commands, from any one of them: a scenario that is not found may be a mistyped command. */
export function commandNames(command: Command): string[] {
  return command.parent?.commands.map((sibling) => sibling.name()) ?? [];
}

/** The only one so far; with the second comes the option. */
const substrateName: SubstrateName = "local";

/**
 * Reads and checks all that a run needs; starts nothing.
 * @throws BreakwaterError BAD_INPUT
 */
export async function preparePlan(
  scenario: string,
  options: PlanOptions,
  commandNames: readonly string[],
  cwd: string,
): Promise<PreparedPlan> {
  const { name, file } = await findScenario(scenario, commandNames, cwd);
  const { default: substrate } = await substrates[substrateName]();
  const system = await openSystem(options, file, substrate, cwd);
  const read = await readScenario(file, system);
  const offer = await substrate.offer();
  const { seed, without, mustFail } = options;
  const plan = makePlan({
    scenario: read,
    scenarioName: name,
    system,
    substrateName,
    offer,
    seed,
    without,
    mustFail,
  });
  return { plan, system, substrate, offer };
}

/** The system that was asked for; in a folder without a system file of its own, the reference service. */
export async function openSystem(
  options: SystemOptions,
  scenario: string | undefined,
  substrate: Substrate,
  cwd: string,
): Promise<System> {
  const system = await readSystem(await systemFile(options, scenario, cwd));
  const reasons = substrate.unfit(system);
  if (reasons.length === 0) return system;
  throw new BreakwaterError(
    "BAD_INPUT",
    "SYSTEM_UNFIT",
    [`Cannot run "${system.name}" on substrate "${substrate.name}"`, ...reasons].join("\n  "),
  );
}

/** What `--system` calls the service that comes with the package. */
const reference = "reference";

/**
 * A scenario of the user's own is for a system of theirs, which stands beside it, a folder above or here: never
 * is another one stormed in its place. Scenarios that come with the package fall back on the reference service.
 */
async function systemFile(
  { system }: SystemOptions,
  scenario: string | undefined,
  cwd: string,
): Promise<string> {
  if (system === reference) return packagedSystem;
  if (system !== undefined) return resolve(cwd, system);
  const isOwn = scenario !== undefined && !scenario.startsWith(packagedScenarios + sep);
  const folders = isOwn ? [dirname(scenario), dirname(dirname(scenario)), cwd] : [cwd];
  for (const folder of folders) {
    const file = join(folder, "system.yaml");
    const isThere = await access(file).then(
      () => true,
      () => false,
    );
    if (isThere) return file;
  }
  if (!isOwn) return packagedSystem;
  throw new BreakwaterError(
    "BAD_INPUT",
    "SYSTEM_MISSING",
    `Cannot tell which system "${scenario}" is for: there is no system.yaml beside it, a folder above, or here`,
    { hint: "name it with --system; `--system reference` is the service that comes with Breakwater" },
  );
}

function collect(value: string, earlier: readonly string[] = []): string[] {
  return [...earlier, value];
}

function toSeed(text: string): number {
  const seed = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(seed)) {
    throw new InvalidArgumentError("A seed is a whole number of at least 0.");
  }
  return seed;
}
