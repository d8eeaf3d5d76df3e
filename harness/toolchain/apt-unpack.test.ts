import assert from "node:assert/strict";
import { chmod } from "node:fs/promises";
import { test } from "node:test";
import { aptUnpack, packagesIn, sameBuild } from "./apt-unpack.ts";
import { type Host, onPath, thisHost } from "./host.ts";
import { obtainTool } from "./obtain.ts";
import { runCommand } from "./run-command.ts";
import { redisServer } from "./specs.ts";
import { temporaryHost } from "./temporary-host.ts";

const never = new AbortController().signal;
const spec = { ...redisServer, sources: [aptUnpack("redis-server")] };
const hasApt = (await onPath(thisHost(), "apt-get")).length > 0;

if (hasApt) {
  test("redis-server comes from apt without root, with apt state of its own", async () => {
    await using temporary = await temporaryHost();
    let config = "";
    const host: Host = {
      ...temporary.host,
      env: process.env,
      arch: process.arch,
      async run(command, args, options, signal) {
        if (args.includes("download")) {
          config = await runCommand(
            "apt-config",
            [...args.slice(0, 2), "dump"],
            { ...options, env: process.env },
            signal,
          );
        }
        return runUnprivileged(temporary.folder)(command, args, options, signal);
      },
    };
    const lines: string[] = [];
    const search = await obtainTool(spec, host, (line) => lines.push(line), never);
    assert.ok("found" in search, JSON.stringify(search));
    assert.equal(search.found.origin, "apt-get download");
    assert.ok(search.found.path.startsWith(host.cacheDir));

    assert.match(config, new RegExp(`^Dir::State::lists "${host.cacheDir}/`, "m"));
    assert.match(config, new RegExp(`^Dir::Cache "${host.cacheDir}/`, "m"));
    assert.doesNotMatch(config, /^APT::Update::(Pre|Post)-Invoke[^ ]*:: /m, "no hook of the host runs");
  });
} else {
  test("without apt-get, redis-server is not had from apt, and the reason is told", async () => {
    await using temporary = await temporaryHost();
    const search = await obtainTool(spec, temporary.host, () => {}, never);
    assert.deepEqual(search, { tried: ["apt-get download: apt-get is not on PATH"] });
  });
}

/** As runCommand, but as `nobody` where the test runs as root. */
function runUnprivileged(folder: string): Host["run"] {
  if (process.getuid?.() !== 0) return runCommand;
  return async (command, args, options, signal) => {
    await chmod(folder, 0o755);
    await runCommand("chown", ["-R", "65534:65534", folder], { env: process.env, timeoutMs: 30_000 }, signal);
    const identity = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    return runCommand("setpriv", [...identity, command, ...args], options, signal);
  };
}

test("sameBuild() names the dependencies that must be of exactly the package's version", () => {
  const record = [
    "Package: redis-server",
    "Version: 5:7.0.15-1~deb12u10",
    "Depends: lsb-base (>= 3.2-14), redis-tools (= 5:7.0.15-1~deb12u10), other (= 1.0)",
    "Pre-Depends: init-system-helpers (>= 1.54~)",
  ].join("\n");
  assert.deepEqual(sameBuild(record), ["redis-tools"]);
  assert.deepEqual(sameBuild("Package: x\nVersion: 1\n"), []);
});

test("packagesIn() reads what apt-get would fetch, with and without a digest", () => {
  const printed = [
    "'http://deb.example/pool/libj/libjemalloc2_5.3.0-1_amd64.deb' libjemalloc2_5.3.0-1_amd64.deb 275000 MD5Sum:0f56",
    "'http://deb.example/pool/redis-server_7.0.15-1%7edeb12u10_amd64.deb' redis-server_5%3a7.0.15-1~deb12u10_amd64.deb 73908 ",
  ].join("\n");
  assert.deepEqual(packagesIn(printed), [
    { name: "libjemalloc2", file: "libjemalloc2_5.3.0-1_amd64.deb" },
    { name: "redis-server", file: "redis-server_5%3a7.0.15-1~deb12u10_amd64.deb" },
  ]);
  assert.deepEqual(packagesIn("Reading package lists...\n"), []);
});
