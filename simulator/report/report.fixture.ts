import { prepare } from "../prepare.ts";
import { readSettings } from "../settings.ts";
import { simulate } from "../simulate.ts";
import { type SmallRow, smallLog } from "../strategies/small-log.fixture.ts";
import { buildReport } from "./build.ts";
import type { Report } from "./report.ts";

/** A report on a small log of 600 chat requests with repeats, variants, prompt blocks and a loss. For tests. */
export async function smallReport(name = "requests.jsonl"): Promise<Report> {
  let seed = 11;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  const rows = Array.from({ length: 600 }, (_, row): SmallRow => {
    const key = Math.min(random(60), random(60));
    return {
      key,
      normalised: key >> 1,
      at: row * 500 + random(300),
      prompt: 200 + key * 20,
      output: 40 + key,
      bytes: 300 + key * 4,
      latencyMs: 300 + key * 10,
      model: key % 3 === 0 ? "claude-sonnet-4-5" : "gpt-4o",
      blocks: [key % 5, 5 + (key % 20), 25 + key],
    };
  });
  const log = { ...smallLog(rows, 64), name };
  const settings = readSettings({ sizes: "5", workers: "0", lose: ["all@2m"], policies: "lru,sieve" });
  const report = {
    format: "openai",
    guessed: true,
    records: 601,
    malformed: 1,
    malformedExamples: [{ line: 7, reason: "is not JSON" }],
    ruled: 0,
    notes: { "failed request": 2 },
  } as const;
  const { options, assumptions } = await prepare({ log, report }, settings);
  const simulation = await simulate({ ...options, onProgress: () => {} });
  return buildReport(simulation, options.input, report, assumptions);
}
