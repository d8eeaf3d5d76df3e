import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { BreakwaterError } from "../errors.ts";
import { allButK6, fakeGo, httpServer, temporaryHost } from "./temporary-host.ts";
import { inspectTools, provideTools } from "./tools.ts";

const never = new AbortController().signal;

test("provideTools() gets what is missing once; the second time it is in the cache", async () => {
  await using temporary = await temporaryHost();
  const { folder, host } = temporary;
  await allButK6(temporary);
  await temporary.script("go", fakeGo("1.8.1", `echo >> ${folder}/builds`));

  const lines: string[] = [];
  const provided = await provideTools((line) => lines.push(line), never, host);
  assert.deepEqual(provided, {
    tools: {
      redisServer: join(folder, "bin/redis-server"),
      redisEnv: {},
      toxiproxyServer: join(folder, "bin/toxiproxy-server"),
      k6: join(host.cacheDir, "k6/1.8.1-linux-x64/k6"),
    },
    versions: { "redis-server": "7.2.4", "toxiproxy-server": "2.9.0", k6: "1.8.1" },
  });
  assert.equal(lines.length, 2, lines.join("\n"));

  const again = await provideTools((line) => lines.push(line), never, host);
  assert.deepEqual(again, provided);
  assert.equal(lines.length, 2, "the second run has nothing to report");
  assert.equal(await readFile(join(folder, "builds"), "utf8"), "\n");
});

test("a release server that is silent is given up, and go install is tried", async () => {
  await using temporary = await temporaryHost({ silenceMs: 100 });
  await using server = await httpServer(() => {});
  await allButK6(temporary);
  await temporary.script("go", fakeGo("1.8.1"));
  const provided = await provideTools(() => {}, never, { ...temporary.host, releasesUrl: server.url });
  assert.equal(provided.versions.k6, "1.8.1");
});

test("all that cannot be had is one error, with what was tried for each and what to install", async () => {
  await using temporary = await temporaryHost();
  const old = await temporary.script("k6", `echo "k6 v0.50.0 (go1.21.0, linux/amd64)"`);
  const error = await provideTools(() => {}, never, temporary.host).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof BreakwaterError);
  assert.deepEqual([error.kind, error.code], ["HARNESS_ERROR", "TOOL_MISSING"]);
  for (const part of [
    "redis-server",
    "toxiproxy-server",
    "apt-get",
    "go install",
    "ECONNREFUSED",
    "cache",
    old,
    "0.50.0",
  ]) {
    assert.ok(error.message.includes(part), `${part} is not in: ${error.message}`);
  }
  for (const variable of ["BREAKWATER_REDIS_SERVER", "BREAKWATER_TOXIPROXY_SERVER", "BREAKWATER_K6"]) {
    assert.ok(error.hint?.includes(variable), `${variable} is not in: ${error.hint}`);
  }
  assert.deepEqual(await readdir(temporary.host.cacheDir), []);
});

test("a wrong digest stops the other installs, and nothing is kept of any", async () => {
  await using temporary = await temporaryHost();
  const { folder, host } = temporary;
  await temporary.script("redis-server", `echo "Redis server v=7.2.4 sha=00000000:0"`);
  // k6 is being built (its release is not there) when the wrong toxiproxy-server arrives.
  await temporary.script("go", fakeGo("1.8.1", `echo > ${folder}/building; sleep 60`));
  await using server = await httpServer(async (request, response) => {
    if (request.url?.includes("k6")) return response.writeHead(404).end();
    while (!(await exists(join(folder, "building")))) await delay(10);
    return response.end("not what was pinned");
  });
  await assert.rejects(
    provideTools(() => {}, never, { ...host, releasesUrl: server.url }),
    { code: "TOOL_DIGEST_WRONG" },
  );
  assert.deepEqual(await readdir(host.cacheDir), []);
});

test("an abort in the middle of an install leaves nothing", async () => {
  await using temporary = await temporaryHost();
  const { folder, host } = temporary;
  await allButK6(temporary);
  await temporary.script("go", fakeGo("1.8.1", `echo > "$GOBIN/k6"; echo > ${folder}/building; sleep 60`));
  const abort = new AbortController();
  const providing = provideTools(() => {}, abort.signal, host);
  const rejected = assert.rejects(providing, /^Error: enough$/);
  while (!(await exists(join(folder, "building")))) await delay(10);
  abort.abort(new Error("enough"));
  await rejected;
  assert.deepEqual(await readdir(host.cacheDir), []);
});

test("what an install killed in the middle leaves is never taken", async () => {
  await using temporary = await temporaryHost();
  const { folder, host } = temporary;
  await allButK6(temporary);
  // The staged k6 is complete and runs: only its place says that it is not to be used.
  const afterwards = `echo $$ > ${folder}/building; exec sleep 60`;
  await temporary.script("go", `${fakeGo("1.8.1")}\n${afterwards}`);
  const program = `
    const { thisHost } = await import(process.argv[1]);
    const { provideTools } = await import(process.argv[2]);
    await provideTools(() => {}, new AbortController().signal, { ...thisHost(), ...JSON.parse(process.argv[3]) });`;
  const modules = ["host.ts", "tools.ts"].map((file) => new URL(file, import.meta.url).href);
  const installing = spawn(
    process.execPath,
    ["--input-type=module", "-e", program, ...modules, JSON.stringify(host)],
    {
      stdio: "inherit",
    },
  );
  const exited = once(installing, "exit");
  while (!(await exists(join(folder, "building")))) await delay(10);
  installing.kill("SIGKILL");
  await exited;
  process.kill(Number(await readFile(join(folder, "building"), "utf8")), "SIGKILL");

  const [staged] = await readdir(host.cacheDir);
  assert.ok(staged !== undefined && (await exists(join(host.cacheDir, staged, "k6"))));
  await temporary.script("go", "exit 1");
  await assert.rejects(
    provideTools(() => {}, never, host),
    { code: "TOOL_MISSING" },
  );
});

test("inspectTools() reports without getting anything, wrong explicit paths too", async () => {
  await using temporary = await temporaryHost();
  const { folder, host } = temporary;
  await allButK6(temporary);
  await temporary.script("go", fakeGo("1.8.1"));
  const env = { ...host.env, BREAKWATER_TOXIPROXY_SERVER: "/nonexistent" };
  const [redis, toxiproxy, k6] = await inspectTools(never, { ...host, env });
  assert.deepEqual(redis, {
    tool: "redis-server",
    found: true,
    path: join(folder, "bin/redis-server"),
    version: "7.2.4",
    origin: "PATH",
  });
  assert.ok(toxiproxy?.found === false && toxiproxy.tried.length === 1);
  assert.ok(toxiproxy.hint.includes("BREAKWATER_TOXIPROXY_SERVER"));
  assert.ok(k6?.found === false && k6.tried.length === 2);
  assert.ok(k6.hint.includes("BREAKWATER_K6"));
  assert.equal(await exists(host.cacheDir), false);
});

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
