import { readdir, stat } from "node:fs/promises";
import { basename, extname, join, resolve } from "node:path";
import { BreakwaterError } from "../../errors.ts";
import { nearestWord, wordsInstead } from "../../nearest-word.ts";
import { packagedScenarios } from "./package-files.ts";

export interface ScenarioFile {
  /** The file's name without folder and ending. */
  readonly name: string;
  readonly file: string;
}

const endings = [".yaml", ".yml"];

/** All scenarios that have a name here: those in `./scenarios`, and those of the package that are not among them. */
export async function scenarioFiles(cwd: string): Promise<ScenarioFile[]> {
  const byName = new Map<string, string>();
  for (const folder of [packagedScenarios, join(cwd, "scenarios")]) {
    for (const file of await readdir(folder).catch(() => [])) {
      if (endings.includes(extname(file))) byName.set(nameOf(file), join(folder, file));
    }
  }
  return [...byName].map(([name, file]) => ({ name, file })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * A scenario by its name, or by a path if it looks like one.
 * @throws BreakwaterError SCENARIO_UNKNOWN with the scenario or command that was probably meant
 */
export async function findScenario(
  nameOrPath: string,
  commandNames: readonly string[],
  cwd: string,
): Promise<ScenarioFile> {
  const isPath = /[/\\]/.test(nameOrPath) || endings.includes(extname(nameOrPath));
  const path = resolve(cwd, nameOrPath);
  if (isPath && (await stat(path).catch(() => undefined))?.isFile())
    return { name: nameOf(path), file: path };

  const known = await scenarioFiles(cwd);
  const found = known.find(({ name }) => name === nameOrPath);
  if (found !== undefined) return found;

  const candidates = [...known.map(({ name }) => name), ...commandNames];
  const ownFile = isPath ? undefined : await fileHere(nameOrPath, cwd);
  const near = nearestWord(nameOf(nameOrPath), candidates);
  throw new BreakwaterError(
    "BAD_INPUT",
    "SCENARIO_UNKNOWN",
    isPath
      ? `Cannot read scenario "${nameOrPath}": there is no such file${near ? `; did you mean "${near}"?` : ""}`
      : `Cannot run "${nameOrPath}": it is neither a scenario nor a command; ${ownFile === undefined ? wordsInstead(nameOrPath, candidates) : `did you mean "${ownFile}"?`}`,
    { hint: '"list" shows all scenarios, "--help" all commands' },
  );
}

/** A file of that name, as the path by which it is run. */
async function fileHere(name: string, cwd: string): Promise<string | undefined> {
  for (const ending of endings)
    if ((await stat(resolve(cwd, `${name}${ending}`)).catch(() => undefined))?.isFile())
      return `./${name}${ending}`;
  return undefined;
}

function nameOf(file: string): string {
  return basename(file, extname(file));
}
