import { fileURLToPath } from "node:url";
import { readLog } from "../log/read.ts";
import type { PolicyName } from "../policies/catalog.ts";
import { type PolicyJob, policyRun } from "../sweep/policy-run.ts";
import { runSweep } from "../sweep/run-sweep.ts";
import type { BenchRow } from "./bench-row.ts";

const TRACE = fileURLToPath(new URL("../data/traces/mooncake_conversation_trace.jsonl", import.meta.url));
const POLICIES: readonly PolicyName[] = [
  "fifo",
  "lru",
  "lfu",
  "clock",
  "slru",
  "2q",
  "arc",
  "s3-fifo",
  "sieve",
  "w-tinylfu",
];
const SIZES = 20;
const MAX_SECONDS = 10;

/** Ten policies at twenty sizes over every prompt block of Mooncake's conversation trace, reading it included. */
export async function* sweepRows(): AsyncGenerator<BenchRow> {
  const start = performance.now();
  const { log } = await readLog(TRACE);
  const { blocks } = log;
  if (blocks === undefined) throw new Error(`Cannot sweep "${TRACE}": it was read without blocks`);
  const stream = { requests: blocks.ids, keys: blocks.blocks };
  const jobs: PolicyJob[] = POLICIES.flatMap((policy) =>
    Array.from({ length: SIZES }, (_, i) => ({
      policy,
      capacity: Math.ceil((stream.keys * (i + 1)) / SIZES),
    })),
  );
  await runSweep(policyRun, jobs, stream);
  const seconds = (performance.now() - start) / 1000;
  const accesses = (stream.requests.length * jobs.length) / 1e6;
  yield {
    name: `${POLICIES.length} policies × ${SIZES} sizes, all cores`,
    value: seconds,
    unit: "s",
    goal: { atMost: MAX_SECONDS },
  };
  yield {
    name: `  that is ${accesses.toFixed(1)} million accesses`,
    value: accesses / seconds,
    unit: "M req/s",
  };
}
