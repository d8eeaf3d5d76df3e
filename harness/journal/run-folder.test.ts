import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { test } from "node:test";
import { createRunFolder, findRunFolder, useRunFolder } from "./run-folder.ts";

async function temporaryFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), "breakwater-runs-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

const startedAt = new Date("2026-11-23T06:20:11.123Z");

test("a run's folder says when and what, and latest points at the newest", async () => {
  await using folder = await temporaryFolder();
  const runs = join(folder.path, "runs");
  const first = await createRunFolder(runs, "node-kill", startedAt);
  assert.equal(basename(first.path), "2026-11-23T06-20-11Z-node-kill");
  assert.deepEqual((await readdir(first.path)).toSorted(), ["logs", "undo"]);
  const second = await createRunFolder(runs, "node-kill", startedAt);
  assert.notEqual(second.path, first.path);
  assert.equal(await readlink(join(runs, "latest")), basename(second.path));
  await writeFile(second.journal, "");
  assert.equal((await findRunFolder(join(runs, "latest"))).journal, join(runs, "latest", "journal.ndjson"));
  assert.equal((await readdir(runs)).length, 3);
});

test("a scenario given by its path makes one folder", async () => {
  await using folder = await temporaryFolder();
  const { path } = await createRunFolder(folder.path, "../our scenario", startedAt);
  assert.equal(join(path, ".."), folder.path);
});

test("runs that begin at the same moment get folders of their own", async () => {
  await using folder = await temporaryFolder();
  const made = await Promise.all(
    Array.from({ length: 5 }, () => createRunFolder(folder.path, "steady", startedAt)),
  );
  assert.equal(new Set(made.map(({ path }) => path)).size, 5);
});

test("a file of the user's named latest stays as it is", async () => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, "latest"));
  await createRunFolder(folder.path, "steady", startedAt);
  assert.deepEqual(await readdir(join(folder.path, "latest")), []);
});

test("a folder of the user's choice must hold no run yet", async () => {
  await using folder = await temporaryFolder();
  const chosen = join(folder.path, "a", "b");
  const used = await useRunFolder(chosen);
  assert.deepEqual((await readdir(used.path)).toSorted(), ["logs", "undo"]);
  await useRunFolder(chosen);
  await writeFile(used.plan, "{}");
  await assert.rejects(useRunFolder(chosen), { code: "RUN_FOLDER_TAKEN", kind: "BAD_INPUT" });
});

test("a folder that cannot be written is one clear error", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "file");
  await writeFile(file, "");
  const expected = { code: "RUN_FOLDER_UNWRITABLE", kind: "HARNESS_ERROR" };
  await assert.rejects(useRunFolder(join(file, "run")), expected);
  await assert.rejects(useRunFolder(file), expected);
  await assert.rejects(createRunFolder(file, "steady", startedAt), expected);
});

test("a folder without a journal holds no run", async () => {
  await using folder = await temporaryFolder();
  await assert.rejects(findRunFolder(folder.path), { code: "RUN_FOLDER_MISSING", kind: "BAD_INPUT" });
  await assert.rejects(findRunFolder(join(folder.path, "none")), { code: "RUN_FOLDER_MISSING" });
});
