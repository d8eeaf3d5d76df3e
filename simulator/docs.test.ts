import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { priceTableSchema } from "./money/price-table.ts";

const page = readFileSync(new URL("../docs/simulator.md", import.meta.url), "utf8");

test("the page's table of prices is one", () => {
  const table = /```json\n([\s\S]+?)```/.exec(page)?.[1];
  assert.ok(priceTableSchema.safeParse(JSON.parse(table ?? "null")).success);
});

test("the page's options are those of the command line", () => {
  const cli = fileURLToPath(new URL("./cli.ts", import.meta.url));
  // The width of the help follows the terminal's.
  const words = (text: string) => text.split(/\s+/).join(" ").trim();
  const help = execFileSync(process.execPath, [cli, "--help"], { encoding: "utf8" });
  assert.ok(words(page).includes(words(help)));
});
