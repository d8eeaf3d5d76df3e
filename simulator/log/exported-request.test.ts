import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readLog } from "./read.ts";

test("a body that is nested too deep costs its own line, not the log", async () => {
  const folder = await mkdtemp(join(tmpdir(), "exported-request-"));
  try {
    const deep = `${"[".repeat(6000)}${"]".repeat(6000)}`;
    const line = (body: string) =>
      `{"request_created_at":"2026-11-23T06:20:11.123Z","request_body":${body},"delay_ms":5}\n`;
    const path = join(folder, "helicone.jsonl");
    const plain = line('{"model":"m","messages":[]}');
    await writeFile(path, plain + line(deep) + line(JSON.stringify(deep)) + plain);
    const { log, report } = await readLog(path, { format: "helicone", mostMalformedShare: 0.5 });
    // As a text it is only a text: it keeps its line.
    assert.deepEqual([log.rows, log.keys, report.malformed], [3, 2, 1]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
