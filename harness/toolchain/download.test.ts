import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { BreakwaterError } from "../errors.ts";
import { download } from "./download.ts";
import { httpServer, temporaryHost } from "./temporary-host.ts";

const never = new AbortController().signal;
const body = randomBytes(300_000);
const sha256 = createHash("sha256").update(body).digest("hex");

/** Downloads from a server that answers with `listener`; what was written and reported, or the error. */
async function downloadFrom(listener: RequestListener, silenceMs = 10_000, signal = never) {
  await using temporary = await temporaryHost();
  await using server = await httpServer(listener);
  const to = join(temporary.folder, "file");
  const lines: string[] = [];
  try {
    await download(
      { what: "tool 1.0", url: `${server.url}/file`, sha256, to, silenceMs },
      (line) => lines.push(line),
      signal,
    );
    return { written: await readFile(to), lines };
  } catch (error) {
    return { error, lines };
  }
}

test("download() writes the file, and reports in steps, not per chunk", async () => {
  const { written, lines } = await downloadFrom((_, response) => {
    response.writeHead(200, { "content-length": body.length });
    for (let at = 0; at < body.length; at += 1_000) response.write(body.subarray(at, at + 1_000));
    response.end();
  });
  assert.deepEqual(written, body);
  assert.match(lines[0] ?? "", /^tool 1\.0: downloading from 127\.0\.0\.1:/);
  assert.ok(lines.length >= 2 && lines.length <= 5, lines.join("\n"));
  assert.equal(lines.at(-1), "tool 1.0: 100 % downloaded");
});

test("download() follows redirects, as release hosts use them", async () => {
  const { written } = await downloadFrom((request, response) => {
    if (request.url === "/file") response.writeHead(302, { location: "/elsewhere" }).end();
    else response.end(body);
  });
  assert.deepEqual(written, body);
});

test("download() refuses a wrong digest", async () => {
  const { error } = await downloadFrom((_, response) => response.end("<html>Please log in</html>"));
  assert.ok(error instanceof BreakwaterError);
  assert.equal(error.code, "TOOL_DIGEST_WRONG");
});

test("a truncated body is a failed download, not a wrong digest", async () => {
  for (const headers of [{ "content-length": body.length }, { "transfer-encoding": "chunked" }]) {
    const { error } = await downloadFrom((_, response) => {
      response.writeHead(200, headers);
      response.write(body.subarray(0, 1_000), () => response.destroy());
    });
    assert.ok(error instanceof Error && !(error instanceof BreakwaterError), String(error));
  }
});

test("download() gives up on a server that never answers, and on one that stops in the middle", async () => {
  const silent = await downloadFrom(() => {}, 100);
  assert.match(String(silent.error), /nothing arrived for 0\.1 s/);
  const stalled = await downloadFrom((_, response) => {
    response.writeHead(200, { "content-length": body.length });
    response.write(body.subarray(0, 1_000));
  }, 100);
  assert.match(String(stalled.error), /nothing arrived for 0\.1 s/);
});

test("download() waits for a slow server that keeps sending", async () => {
  const { written } = await downloadFrom(async (_, response) => {
    for (let part = 0; part < 20; part += 1) {
      response.write(body.subarray(part * 15_000, (part + 1) * 15_000));
      await delay(100);
    }
    response.end();
  }, 1_500);
  assert.deepEqual(written, body);
});

test("download() says what the server or the network said", async () => {
  const absent = await downloadFrom((_, response) => response.writeHead(404).end("no"));
  assert.match(String(absent.error), /answered 404/);
  await using temporary = await temporaryHost();
  const to = join(temporary.folder, "file");
  const url = temporary.host.releasesUrl;
  const refused = download({ what: "tool", url, sha256, to, silenceMs: 10_000 }, () => {}, never);
  await assert.rejects(refused, /ECONNREFUSED/);
});

test("download() rejects with the signal's reason on abort", async () => {
  const abort = new AbortController();
  const { error } = await downloadFrom(() => abort.abort(new Error("enough")), 10_000, abort.signal);
  assert.equal(error, abort.signal.reason);
});
