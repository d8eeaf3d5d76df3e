import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { readScenario, readSystem } from "../scenario/read.ts";
import { makePlan } from "./make-plan.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const files = (await readdir(path.join(root, "scenarios"))).filter((file) => file.endsWith(".yaml"));
const offer = {
  capabilities: ["kill", "start", "pause", "resume", "empty", "latency", "silent", "refused", "lifetime"],
  limits: [],
} as const;

/** The end-to-end tests storm each scenario twice, one after the other: more than this would make them too slow. */
const longestMs = 15 * 60_000;

test("all scenarios together, each run to pass and to fail, keep within their time", async () => {
  const scenarios = await Promise.all(files.map((file) => readScenario(path.join(root, "scenarios", file))));
  const phasesMs = scenarios.flatMap(({ phases }) => Object.values(phases));
  const allMs = 2 * phasesMs.reduce((sum, ms) => sum + ms, 0);
  assert.ok(allMs <= longestMs, `their phases take ${allMs / 1000} s: shorten some`);
});

test("there are scenarios", () => assert.ok(files.length > 0));

for (const file of files) {
  test(`${file} can be planned for the reference service, with and without the change that makes it fail`, async () => {
    const scenario = await readScenario(path.join(root, "scenarios", file));
    const system = await readSystem(path.join(root, "service", "system.yaml"));
    const request = { scenario, scenarioName: path.parse(file).name, system, substrateName: "local", offer };
    const plan = makePlan(request);
    const failing = makePlan({ ...request, mustFail: true });
    assert.equal(plan.faults.length, scenario.faults.length);
    assert.notDeepEqual([failing.without, failing.slos], [plan.without, plan.slos]);
  });
}
