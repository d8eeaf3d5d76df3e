import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { startCli, stillRunning } from "../testing/cli.ts";

/** Every scenario passes with all policies on, and fails with the change that it names: both on the real system. */
const names = readdirSync(join(import.meta.dirname, "../../scenarios")).map((file) =>
  file.replace(/\.yaml$/, ""),
);

for (const name of names) {
  test(`${name} passes`, { timeout: 180_000 }, async () => {
    await using run = await startCli([name]);
    assert.equal(await run.exit, 0, run.output());
    const { outcome, faults, slos } = await run.verdict();
    assert.equal(outcome, "PASS");
    assert.ok(slos.length > 0);
    for (const fault of faults)
      assert.ok(fault.provenMs !== undefined && fault.healedMs !== undefined, fault.id);
    assert.deepEqual(await stillRunning(run), []);
    assert.deepEqual(await readdir(join(run.folder, "undo")), []);
    assert.equal((await run.events()).filter(({ type }) => type === "machine").length, 2);
    assert.deepEqual(
      (await run.events()).filter(({ type }) => type === "bypass"),
      [],
    );
  });

  test(`${name} fails with the change that it names`, { timeout: 180_000 }, async () => {
    await using run = await startCli([name, "--must-fail"]);
    assert.equal(await run.exit, 1, run.output());
    const { outcome, slos } = await run.verdict();
    assert.equal(outcome, "FAIL");
    assert.ok(slos.some((slo) => slo.outcome === "fail"));
  });
}
