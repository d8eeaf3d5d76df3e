import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { test } from "node:test";
import { commands, defaultCommand } from "./catalog.ts";

test("the catalog is the folder", async () => {
  const files = (await readdir(import.meta.dirname)).filter(
    (file) => file.endsWith(".ts") && !file.endsWith(".test.ts"),
  );
  const notCommands = ["catalog.ts", "command.ts"];
  const names = files.filter((file) => !notCommands.includes(file)).map((file) => file.replace(".ts", ""));
  assert.deepEqual(Object.keys(commands).sort(), names.sort());
});

test("the default command is one of them", () => {
  assert.ok(defaultCommand in commands);
});
