import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { liftOf } from "./lift.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");
const tsc = join(root, "node_modules/.bin/tsc");

/** What a page's example prints. */
const prints: Readonly<Record<string, string>> = {
  "adaptive-limit": "at first: 20 at once\nafter 20 that were too many: 10\n",
  breaker: `${Array.from({ length: 9 }, (_, i) => `call ${i + 1}: failed\n`).join("")}shop: open\ncall 10: failed\ncall 11: not made\n`,
  bulkhead: `${"fulfilled\n".repeat(4)}full\n`,
  coalesce: "tides 1 tides 1\ntides 2\n",
  deadline: "504: the time is over\n",
  drain: "ready: 503\nno more are accepted\nevery request was answered\ndone\n",
  "early-refresh": "home 1 home 1\nhome 1\nhome 2\n",
  "entry-codec": "compressed\n10000 characters\nchecksum\n",
  invalidation:
    "timetable 1\ntimetable 1\ngone: tag:acme:bus\ntimetable 1\ngone: tag:acme:ferry\ntimetable 2\n",
  "layered-cache":
    "memory: fresh\nhigh at noon\nmemory: miss\nredis: fresh\nhigh at noon 1\nmemory: miss\nredis: failed\nthe cache could not be asked\n",
  lease: "page: won\npage: found\n[ 'page home', 'page home' ]\nrendered 1 time\n",
  "retry-budget": "shop: retried\ntide\n2 requests\n",
  "shard-breakers": "10.0.0.1:6379: open\nleft alone\ntide\n",
  shedding: "refused: low\nlow: 503 1\nnormal: 200\nurgent: 400\nlow: 200\n",
  stale: "home 1\nhome 1\nrevalidate: ok\nhome 2\nhome 2\n",
  tenants: "limited: ferry, rate\n200 200 429 with Retry-After\n200\n401\n",
  timeout: "no answer in time\n",
  "write-behind": "lost: queue-full\n3 wait\ntide\n0 wait\n",
};

test("every example is a page's, and tried", async () => {
  const examples = await readdir(join(root, "docs/patterns/use"));
  assert.deepEqual(
    examples.sort(),
    Object.keys(prints)
      .map((name) => `${name}.ts`)
      .sort(),
  );
});

for (const [page, printed] of Object.entries(prints)) {
  test(`${page}: the files that the page names, alone in a folder, have sound types and do what its example says`, async () => {
    const at = `docs/patterns/${page}.md`;
    const lift = liftOf(await readFile(join(root, at), "utf8"), at);
    assert.equal(lift?.example, `docs/patterns/use/${page}.ts`);
    const folder = await mkdtemp(join(tmpdir(), "breakwater-lifted-"));
    try {
      for (const file of [...lift.files, lift.example]) {
        await mkdir(dirname(join(folder, file)), { recursive: true });
        await cp(join(root, file), join(folder, file));
      }
      await mkdir(join(folder, "node_modules"));
      for (const name of [...lift.packages, "@types"])
        await symlink(join(root, "node_modules", name), join(folder, "node_modules", name)).catch(() => {});
      await writeFile(join(folder, "package.json"), '{ "type": "module" }');
      const [, options = ""] =
        /```json\n([^`]+)```/.exec(await readFile(join(root, "docs/patterns/README.md"), "utf8")) ?? [];
      const { compilerOptions } = JSON.parse(options);
      const config = { compilerOptions: { ...compilerOptions, strict: true, noEmit: true } };
      await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
      await run(tsc, ["-p", folder]).catch(({ stdout }: { stdout: string }) => assert.fail(stdout));
      const { stdout } = await run(process.execPath, [lift.example], { cwd: folder, timeout: 60_000 });
      assert.equal(stdout, printed);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
}
