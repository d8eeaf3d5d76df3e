import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { columnsPath, keepColumns, sourceOf } from "./columns-file.ts";
import { loadLog } from "./load.ts";

let folder = "";
let path = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "columns-"));
  path = join(folder, "log.jsonl");
});
after(() => rm(folder, { recursive: true }));

const secret = "What is my salary?";
async function writeLog(rows: number): Promise<void> {
  const lines = Array.from({ length: rows }, (_, i) =>
    JSON.stringify({
      time: 1_700_000_000_000 + i * 10,
      request: { model: "m", prompt: `${secret} ${i % 7} ${"long ".repeat(80)}` },
      promptTokens: i,
      cachedTokens: i % 2,
      nearest: "k",
    }),
  );
  lines.push(JSON.stringify({ time: 1_800_000_000_000, event: "invalidate-all" }));
  await writeFile(path, lines.join("\n"));
}

test("kept columns are the columns, and hold no text", async () => {
  await writeLog(1000);
  const first = await loadLog(path, { keep: true });
  assert.equal(first.kept, false);
  const second = await loadLog(path, { keep: true });
  assert.equal(second.kept, true);
  assert.deepEqual(second.log, first.log);
  assert.deepEqual(second.report, first.report);
  assert.ok(second.log.blocks && second.log.kind && second.log.cachedTokens && second.log.nearest);
  assert.ok(second.log.timeMs.buffer instanceof SharedArrayBuffer);
  assert.ok(!(await readFile(columnsPath(path))).includes("salary"));
  assert.deepEqual(
    (await readdir(folder)).sort(),
    ["log.jsonl", "log.jsonl.columns"],
    "nothing temporary is left",
  );
});

test("nothing is kept unless asked for", async () => {
  await rm(columnsPath(path), { force: true });
  await loadLog(path, { keep: false });
  assert.deepEqual(await readdir(folder), ["log.jsonl"]);
});

test("columns of a log that has changed since, or was read in another way, are not taken", async () => {
  await writeLog(1000);
  await loadLog(path, { keep: true });
  await writeLog(1001);
  const longer = await loadLog(path, { keep: true });
  assert.deepEqual([longer.kept, longer.log.rows], [false, 1002]);
  const { atime, mtime } = await stat(path);
  await utimes(path, atime, new Date(mtime.getTime() + 5000));
  assert.equal((await loadLog(path, { keep: true })).kept, false, "touched");
  assert.equal((await loadLog(path, { keep: true })).kept, true);
  assert.equal((await loadLog(path, { keep: true, format: "openai" })).kept, false, "another format");
});

test("columns of another version of the parsers are not taken", async () => {
  await writeLog(10);
  const read = await loadLog(path, { keep: false });
  await keepColumns(path, await sourceOf(path), JSON.stringify([null, null, null]), read);
  assert.equal((await loadLog(path, { keep: true })).kept, false);
});

test("columns that are cut off or damaged anywhere are not taken", async () => {
  await writeLog(100);
  const whole = await loadLog(path, { keep: true });
  const good = await readFile(columnsPath(path));
  for (let at = 0; at < good.length; at += Math.ceil(good.length / 40)) {
    const damaged = Buffer.from(good);
    damaged[at] = (damaged[at] ?? 0) ^ 0x10;
    await writeFile(columnsPath(path), damaged);
    // Whether it is taken (the byte lay between two columns) or not, what comes is right.
    const { log } = await loadLog(path, { keep: true });
    assert.deepEqual(log, whole.log, `byte ${at}`);
  }
  await writeFile(columnsPath(path), good.subarray(0, good.length - 1));
  assert.equal((await loadLog(path, { keep: true })).kept, false);
  await writeFile(columnsPath(path), "");
  assert.equal((await loadLog(path, { keep: true })).kept, false);
});

test("where nothing can be written beside the log, the log is read all the same", async () => {
  await rm(columnsPath(path), { force: true });
  // A folder stands in the way of the rename.
  await mkdir(join(columnsPath(path), "in-the-way"), { recursive: true });
  const { kept, log } = await loadLog(path, { keep: true });
  assert.deepEqual([kept, log.rows > 0], [false, true]);
  assert.equal((await readdir(folder)).filter((name) => name.endsWith(".tmp")).length, 0);
  await rm(columnsPath(path), { recursive: true });
});
