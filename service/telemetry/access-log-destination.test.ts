import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { type FileHandle, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { startModelStub } from "../testing/model-stub.ts";
import { eventually } from "../testing/redis-cluster.ts";
import { ask, spawnService } from "../testing/service-process.ts";
import { openAccessLog } from "./access-log.ts";
import { newRecord } from "./request-record.ts";

const run = promisify(execFile);

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "service-test-destination-"));
});
const unexpected = (thrown: unknown) => assert.fail(String(thrown));
after(() => rm(folder, { recursive: true, force: true }));

test("a destination that takes nothing delays nobody; lines that find no room are lost and counted", async () => {
  const path = join(folder, "pipe");
  await run("mkfifo", [path]);
  await using reader = await open(path, constants.O_RDWR);
  let lost = 0;
  // Writes fail once the test has taken its reader away.
  const log = openAccessLog(
    path,
    () => lost++,
    () => undefined,
  );
  const record = newRecord("x".repeat(64));
  // About 15 MB, and the limit is 8 MiB; what a pipe holds is 64 KiB.
  for (let i = 0; i < 60_000; i++) {
    log.write(record, 0, 1, 200);
    if (i % 1000 === 0) await delay(1);
  }
  assert(lost > 0 && lost < 45_000, `${lost}`);
  await log.close();
  assert.equal((await reader.read()).bytesRead > 0, true);
});

test("a line of another writer to the same pipe never ends up inside of one, also where the pipe is full", async () => {
  const path = join(folder, "shared-pipe");
  await run("mkfifo", [path]);
  await using reader = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  await using other = await open(path, constants.O_WRONLY);
  await fill(path);
  const log = openAccessLog(path, assert.fail, unexpected);
  // More than a pipe takes in one piece.
  for (let i = 0; i < 60; i++) log.write(newRecord(`id-${i}`), 0, 1, 200);
  let text = "";
  const others: Promise<unknown>[] = [];
  // As room is made in the pipe, both want it.
  while (!text.includes('"id-59"')) {
    const { bytesRead, buffer } = await reader.read({ buffer: Buffer.alloc(4096) }).catch(ignoreEmpty);
    text += buffer.toString("latin1", 0, bytesRead);
    if (bytesRead > 0) others.push(other.write('{"other":true}\n'));
    await delay(10);
  }
  await Promise.all([log.close(), ...others]);
  const lines = text.slice(text.indexOf("{"), text.lastIndexOf("\n")).split("\n");
  const ids = lines.map((line) => JSON.parse(line).id).filter((id) => id !== undefined);
  assert.deepEqual(
    ids,
    Array.from({ length: 60 }, (_, i) => `id-${i}`),
  );
  assert(lines.length > 65, "the other writer was there too");
});

/** Nothing to read yet. */
function ignoreEmpty(thrown: NodeJS.ErrnoException) {
  if (thrown.code !== "EAGAIN") throw thrown;
  return { bytesRead: 0, buffer: Buffer.alloc(0) };
}

/** Writes to a pipe until it takes no more. */
async function fill(path: string): Promise<void> {
  await using pipe: FileHandle = await open(path, constants.O_WRONLY | constants.O_NONBLOCK);
  const page = Buffer.alloc(4096, "\n");
  for (;;) {
    try {
      await pipe.write(page);
    } catch (thrown) {
      if (thrown instanceof Error && "code" in thrown && thrown.code === "EAGAIN") return;
      throw thrown;
    }
  }
}

test("a full disk, or a pipe that nobody reads, does not hold the stop", async () => {
  await using model = await startModelStub();
  const path = join(folder, "unread-pipe");
  await run("mkfifo", [path]);
  await using _reader = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  await fill(path);
  for (const destination of ["/dev/full", path]) {
    await using service = spawnService({ BW_MODEL_URL: model.url, BW_ACCESS_LOG: destination });
    const url = await service.url();
    for (let i = 0; i < 5; i++) assert.equal((await ask(url, `${i}`)).status, 200);
    service.kill("SIGTERM");
    assert.deepEqual(await service.exited, [0, null], destination);
    assert(service.log.some(({ msg }) => msg === "stopped"));
  }
});

test("a disk that is full is told of, and costs the process nothing", async () => {
  const failures: unknown[] = [];
  const log = openAccessLog("/dev/full", assert.fail, (thrown) => void failures.push(thrown));
  for (let i = 0; i < 60; i++) log.write(newRecord(`id-${i}`), 0, 1, 200);
  await eventually(() => failures.length > 0);
  assert.match(String(failures[0]), /ENOSPC/);
  await log.close();
});

test("a file that is there is gone on with", async () => {
  const path = join(folder, "kept.jsonl");
  await writeFile(path, "kept\n");
  const log = openAccessLog(path, assert.fail, unexpected);
  log.write(newRecord("one"), 0, 1, 200);
  await log.close();
  assert.match(await readFile(path, "utf8"), /^kept\n\{.*"id":"one".*\}\n$/);
});
