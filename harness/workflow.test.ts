import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { z } from "zod";

const root = join(import.meta.dirname, "..");
const workflow = z.object({
  jobs: z.object({
    scenario: z.object({ strategy: z.object({ matrix: z.object({ scenario: z.array(z.string()) }) }) }),
  }),
});

test("the workflow storms every scenario", async () => {
  const { jobs } = workflow.parse(parse(await readFile(join(root, ".github/workflows/ci.yml"), "utf8")));
  const names = (await readdir(join(root, "scenarios"))).map((file) => file.replace(/\.yaml$/, ""));
  assert.deepEqual(jobs.scenario.strategy.matrix.scenario.toSorted(), names.toSorted());
});
