import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "breakwater-rules-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const rules = `
groups:
  - name: errors
    rules:
      - { alert: Down, expr: up == 0, for: 1m }
`;
const tests = (alertsAfter: string) => `
rule_files: [errors.rules.yaml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series: [{ series: 'up{job="api"}', values: "0 0 0 0" }]
    alert_rule_test:
      - { eval_time: ${alertsAfter}, alertname: Down, exp_alerts: [{ exp_labels: { job: api } }] }
`;

async function check(
  files: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<{ code: number | null; output: string }> {
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const child = spawn(process.execPath, [join(import.meta.dirname, "check-rules.ts"), folder], {
    env: { ...process.env, ...env },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += String(chunk)));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, output };
}

const minutes = 60_000;

test("rules that promtool takes and whose tests pass are right", { timeout: 5 * minutes }, async () => {
  const { code, output } = await check({ "errors.rules.yaml": rules, "errors.test.yaml": tests("1m") });
  assert.equal(code, 0, output);
});

test("a rule that is none, and a test that fails, are told", { timeout: 5 * minutes }, async () => {
  const wrong = rules.replace("up == 0", "up ==");
  const broken = await check({ "errors.rules.yaml": wrong, "errors.test.yaml": tests("1m") });
  assert.equal(broken.code, 1);
  assert.match(broken.output, /parse error/);
  const failing = await check({ "errors.rules.yaml": rules, "errors.test.yaml": tests("0m") });
  assert.equal(failing.code, 1);
  assert.match(failing.output, /FAILED/);
});

test("rules without tests, a folder without rules, and none at all are no pass", async () => {
  assert.equal((await check({ "errors.rules.yaml": rules })).code, 1);
  await rm(join(folder, "errors.rules.yaml"));
  assert.equal((await check({ "errors.test.yaml": tests("1m") })).code, 1);
  await rm(join(folder, "errors.test.yaml"));
  assert.equal((await check({})).code, 1);
  await rm(folder, { recursive: true });
  assert.notEqual((await check({})).code, 0);
});

test("a promtool that is named and cannot be used, or cannot be had in CI, is no pass; elsewhere it is said", async () => {
  const files = { "errors.rules.yaml": rules, "errors.test.yaml": tests("1m") };
  const named = await check(files, { BREAKWATER_PROMTOOL: join(folder, "none") });
  assert.notEqual(named.code, 0);
  assert.match(named.output, /BREAKWATER_PROMTOOL/);
  const nowhere = { PATH: folder, BREAKWATER_CACHE: join(folder, "cache") };
  const inCi = await check(files, { ...nowhere, CI: "true" });
  assert.equal(inCi.code, 1);
  assert.match(inCi.output, /not checked/);
  const elsewhere = await check(files, { ...nowhere, CI: undefined });
  assert.equal(elsewhere.code, 0);
  assert.match(elsewhere.output, /not checked/);
});
