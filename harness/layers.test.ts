import assert from "node:assert/strict";
import { glob, readFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";

/** A folder may import from itself and from the folders before it. Files beside the folders count as the first. */
const layers = [
  ".",
  "journal",
  "toolchain",
  "system",
  "substrates",
  "undo",
  "evidence",
  "faults",
  "load",
  "slos",
  "scenario",
  "plan",
  "run",
  "verdict",
  "reporters",
  "commands",
];
/** cli.ts is above all layers; `testing` serves tests of every layer. */
const outside = new Set(["cli.ts"]);

const root = join(import.meta.dirname, "..");
const specifier = /\b(?:from|import)\s*\(?\s*"(\.[^"]+)"/g;

async function importsOf(pattern: string): Promise<{ file: string; target: string }[]> {
  const found: { file: string; target: string }[] = [];
  for await (const file of glob(pattern, { cwd: root })) {
    if (file.endsWith(".test.ts") || file.includes("/testing/")) continue;
    const source = await readFile(join(root, file), "utf8");
    for (const [, path = ""] of source.matchAll(specifier)) {
      found.push({ file, target: relative(root, join(root, dirname(file), path)) });
    }
  }
  return found;
}

function layerOf(file: string): number {
  const [, folder = "", ...deeper] = file.split("/");
  return layers.indexOf(deeper.length === 0 ? "." : folder);
}

test("imports in harness/ point one way: a layer knows only the layers before it", async () => {
  const imports = (await importsOf("harness/**/*.ts")).filter(
    ({ file }) => !outside.has(relative("harness", file)),
  );
  assert.ok(imports.length > 50);
  const wrong = imports.filter(({ file, target }) => {
    assert.notEqual(layerOf(file), -1, `${file}: its folder is not in the list of layers`);
    const to = target.startsWith("harness/") ? layerOf(target) : -1;
    return to === -1 || to > layerOf(file) || outside.has(relative("harness", target));
  });
  assert.deepEqual(wrong, []);
});

test("no substrate but local knows of processes on this host: nothing else imports its files", async () => {
  const wrong = (await importsOf("harness/**/*.ts")).filter(
    ({ file, target }) =>
      target.startsWith("harness/substrates/local/") &&
      !file.startsWith("harness/substrates/local/") &&
      file !== "harness/substrates/catalog.ts",
  );
  assert.deepEqual(wrong, []);
});

test("service, simulator and harness never import each other", async () => {
  const imports = [
    ...(await importsOf("service/**/*.ts")),
    ...(await importsOf("simulator/**/*.ts")),
    ...(await importsOf("harness/**/*.ts")),
  ];
  const wrong = imports.filter(({ file, target }) => file.split("/")[0] !== target.split("/")[0]);
  assert.deepEqual(wrong, []);
});

test("no file imports, over whatever others, one that imports it: types neither", async () => {
  const imports = await importsOf("{harness,service,simulator,scripts}/**/*.ts");
  const targets = Map.groupBy(imports, ({ file }) => file);
  const done = new Set<string>();
  /** @returns the way back to a file that is on the way */
  function circleFrom(file: string, way: readonly string[]): readonly string[] | undefined {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const { target } of targets.get(file) ?? []) {
      const circle = circleFrom(target, [...way, file]);
      if (circle !== undefined) return circle;
    }
    done.add(file);
    return undefined;
  }
  assert.ok(targets.size > 300, `${targets.size} files`);
  for (const file of targets.keys()) assert.equal(circleFrom(file, []), undefined);
});

test("the oracle of the load shares no code with the model server", async () => {
  const imports = [
    ...(await importsOf("service/load/**/*.ts")),
    ...(await importsOf("service/model-server/**/*.ts")),
  ];
  const wrong = imports.filter(({ file, target }) => file.split("/")[1] !== target.split("/")[1]);
  assert.deepEqual(wrong, []);
});

test("policies can be lifted out: they know nothing of the service", async () => {
  const imports = await importsOf("service/resilience/*.ts");
  assert.ok(imports.length > 5);
  assert.deepEqual(
    imports.filter(({ target }) => dirname(target) !== "service/resilience"),
    [],
  );
});
