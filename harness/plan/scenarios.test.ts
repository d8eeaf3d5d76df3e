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
