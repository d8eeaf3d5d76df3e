import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { parse } from "yaml";
import { publishedSchemas } from "./published-schemas.ts";

const root = new URL("../../", import.meta.url);
const read = (file: string) => readFile(new URL(file, root), "utf8");

const scenarios = (await readdir(new URL("scenarios/", root))).filter((file) => file.endsWith(".yaml"));
const users = [
  { file: "service/system.yaml", schema: "system.schema.json" },
  ...scenarios.map((file) => ({ file: `scenarios/${file}`, schema: "scenario.schema.json" })),
];

test("schemas/ holds the schemas as they are now; `npm run schemas` writes them", async () => {
  assert.deepEqual(
    (await readdir(new URL("schemas/", root))).toSorted(),
    [...publishedSchemas().keys()].toSorted(),
  );
  for (const [name, text] of publishedSchemas()) assert.equal(await read(`schemas/${name}`), text, name);
});

for (const { file, schema } of users) {
  test(`${file} names its schema, and is valid against it`, async () => {
    const text = await read(file);
    assert.equal(text.split("\n")[0], `# yaml-language-server: $schema=../schemas/${schema}`);
    // zod names a format of its own beside the pattern that says the same; editors pass over it too.
    const validate = new Ajv2020({ validateFormats: false }).compile(
      JSON.parse(await read(`schemas/${schema}`)),
    );
    assert.ok(validate(parse(text)), JSON.stringify(validate.errors));
    assert.ok(!validate({ ...parse(text), unknown: 1 }));
  });
}
