import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { readLog } from "../log/read.ts";
import { sampleLog } from "./generate.ts";

const path = new URL("requests.jsonl.gz", import.meta.url);

test("the shipped sample is what its script writes, and small", async () => {
  const shipped = await readFile(path);
  assert.ok(shipped.length < 300_000);
  assert.ok(gunzipSync(shipped).toString() === sampleLog(), "run simulator/sample/generate.ts");
});

test("the sample holds something of all that the simulator looks at", async () => {
  const { log, report } = await readLog(path.pathname);
  assert.deepEqual([report.format, report.malformed], ["openai", 0]);
  assert.equal(log.rows + (report.notes["failed request"] ?? 0), 4001);
  assert.ok(log.keys > 1000 && log.keys < 0.8 * log.rows, "some repeat, some do not");
  assert.ok(log.normalisedKeys < log.keys, "near-duplicates in case and white space");
  assert.ok((log.nearest?.row.filter((row) => row >= 0).length ?? 0) > 300, "near-duplicates in words");
  assert.ok(log.blocks && log.blocks.ids.length > 2 * log.blocks.blocks, "shared prefixes");
  assert.equal(log.kind?.filter((kind) => kind === 2).length, 1, "an invalidation");
  assert.deepEqual(log.models, ["gpt-4o-mini", "claude-haiku-4-5"]);
});
