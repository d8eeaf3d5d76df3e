import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { commands } from "./commands/catalog.ts";
import { faults } from "./faults/catalog.ts";
import { reporters } from "./reporters/catalog.ts";
import { slos } from "./slos/catalog.ts";
import { substrates } from "./substrates/catalog.ts";

/** What a catalog's folder holds beside its entries: the contract, and files that several entries share. */
const catalogs = {
  faults: { keys: Object.keys(faults), beside: ["fault"] },
  slos: { keys: Object.keys(slos), beside: ["slo"] },
  reporters: { keys: Object.keys(reporters), beside: ["reporter"] },
  commands: { keys: Object.keys(commands), beside: ["command"] },
};

for (const [folder, { keys, beside }] of Object.entries(catalogs)) {
  test(`${folder}/catalog.ts lists every file of ${folder}/, and no other`, async () => {
    const entries = await readdir(join(import.meta.dirname, folder), { withFileTypes: true });
    const files = entries
      .filter((entry) => entry.isFile() && entry.name.endsWith(".ts") && !entry.name.endsWith(".test.ts"))
      .map(({ name }) => name.replace(/\.ts$/, ""))
      .filter((name) => name !== "catalog" && !beside.includes(name));
    assert.deepEqual(keys.toSorted(), files.toSorted());
  });
}

test("substrates/catalog.ts lists every folder of substrates/, and no other", async () => {
  const entries = await readdir(join(import.meta.dirname, "substrates"), { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  assert.deepEqual(Object.keys(substrates).toSorted(), folders.toSorted());
});
