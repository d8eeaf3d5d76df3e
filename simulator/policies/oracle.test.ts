import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, test } from "node:test";
import { policyRun, type RequestStream } from "../sweep/policy-run.ts";
import type { PolicyName } from "./catalog.ts";
import { readTrace, readWeightedTrace } from "./traces.fixture.ts";

/** Exact miss counts of libCacheSim and of Caffeine's simulator; see data/README.md. */
interface OracleRow {
  readonly trace: string;
  readonly algorithm: string;
  readonly capacity: number;
  readonly requests: number;
  readonly libCacheSim: number;
  /** Undefined where Caffeine was not run. */
  readonly caffeine: number | undefined;
}

const rows: OracleRow[] = readFileSync(new URL("../data/oracles/cache-misses.csv", import.meta.url), "utf8")
  .trim()
  .split("\n")
  .slice(1)
  .map((line) => {
    const [trace = "", algorithm = "", capacity, requests, libCacheSim, caffeine] = line.split(",");
    return {
      trace,
      algorithm,
      capacity: Number(capacity),
      requests: Number(requests),
      libCacheSim: Number(libCacheSim),
      caffeine: caffeine === "" ? undefined : Number(caffeine),
    };
  });

const traces = new Map<string, RequestStream>();
let inBytes: RequestStream;

before(async () => {
  for (const { trace } of rows) {
    if (!traces.has(trace)) traces.set(trace, await readTrace(trace));
  }
  inBytes = await readWeightedTrace();
});

function misses(stream: RequestStream, policy: PolicyName, capacity: number): number {
  const { requests, hits } = policyRun.run(stream, { policy, capacity });
  return requests - hits;
}

/** Our counts beside the oracle's, for each of its rows of an algorithm. */
function compare(algorithm: string, policy: PolicyName): (OracleRow & { name: string; ours: number })[] {
  const compared = rows
    .filter((row) => row.algorithm === algorithm)
    .map((row) => {
      const stream = traces.get(row.trace);
      assert.ok(stream !== undefined);
      assert.equal(stream.requests.length, row.requests, row.trace);
      return { ...row, name: `${row.trace} at ${row.capacity}`, ours: misses(stream, policy, row.capacity) };
    });
  assert.ok(compared.length >= 8, `${compared.length} rows of ${algorithm}`);
  return compared;
}

const exact = { fifo: "fifo", lru: "lru", lfu: "lfu", sieve: "sieve", "2q": "2q", belady: "belady" } as const;

for (const [algorithm, policy] of Object.entries(exact)) {
  test(`${policy} misses exactly as often as both references, on every row`, () => {
    for (const row of compare(algorithm, policy)) {
      assert.equal(row.ours, row.libCacheSim, row.name);
      if (row.caffeine !== undefined) assert.equal(row.ours, row.caffeine, row.name);
    }
  });
}

/** In percentage points of the requests, to each reference that has a count. */
const near = [
  { algorithm: "clock", policy: "clock", points: 0.2 },
  // Promotion from the small queue after two hits (the authors' code), and after one.
  { algorithm: "s3fifo", policy: "s3-fifo", points: 0.2 },
  { algorithm: "s3fifo1", policy: "s3-fifo-1", points: 0.2 },
  // The references themselves differ by up to 1.19 points: one rounds the target.
  { algorithm: "arc", policy: "arc", points: 1.2 },
] as const;

for (const { algorithm, policy, points } of near) {
  test(`${policy} is within ${points} points of each reference, on every row`, () => {
    for (const row of compare(algorithm, policy)) {
      const distance = (count: number) => (100 * Math.abs(row.ours - count)) / row.requests;
      assert.ok(distance(row.libCacheSim) <= points, `${row.name}: ${distance(row.libCacheSim)}`);
      if (row.caffeine !== undefined)
        assert.ok(distance(row.caffeine) <= points, `${row.name}: ${distance(row.caffeine)}`);
    }
  });
}

const asCaffeine = { arc: "arc", s3fifo: "s3-fifo", lirs: "lirs", wtinylfu: "w-tinylfu" } as const;

for (const [algorithm, policy] of Object.entries(asCaffeine)) {
  test(`${policy} misses exactly as often as Caffeine's simulator, where that was run`, () => {
    for (const row of compare(algorithm, policy)) {
      if (row.caffeine !== undefined) assert.equal(row.ours, row.caffeine, row.name);
    }
  });
}

/** How far our count is outside of what the references span, in points; 0 within. */
function outside(row: OracleRow & { ours: number }): number {
  const references = [row.libCacheSim, row.caffeine ?? row.libCacheSim];
  const beyond = Math.max(Math.min(...references) - row.ours, row.ours - Math.max(...references), 0);
  return (100 * beyond) / row.requests;
}

test("lirs is within the band of the references", () => {
  for (const row of compare("lirs", "lirs")) {
    assert.equal(outside(row), 0, `${row.name}: ${outside(row)} points outside`);
  }
});

test("w-tinylfu is within the band of the references, and near the one count of the row that has no band", () => {
  for (const row of compare("wtinylfu", "w-tinylfu")) {
    // libCacheSim alone was run at 40,000: its sketch is another one. Measured: 0.230 points.
    const most = row.caffeine === undefined ? 0.24 : 0;
    assert.ok(outside(row) <= most, `${row.name}: ${outside(row)} points outside`);
  }
});

/**
 * Misses of libCacheSim's own tests (test_evictionAlgo.c) on cloudPhysicsIO with sizes in bytes, for 128, 256, …
 * 1024 MiB. GDSF and S3-FIFO differ by single requests in how they break ties and round the queues.
 */
const weighted: readonly { policy: PolicyName; within: number; counts: readonly number[] }[] = [
  { policy: "lru", within: 0, counts: [93374, 89783, 83572, 81722, 72494, 72104, 71972, 71704] },
  { policy: "fifo", within: 0, counts: [93403, 89386, 84387, 84025, 72498, 72228, 72182, 72140] },
  { policy: "clock", within: 0, counts: [93313, 89775, 83411, 81328, 74815, 72283, 71927, 64456] },
  { policy: "sieve", within: 0, counts: [91699, 86720, 78578, 76707, 69945, 66221, 64445, 64376] },
  { policy: "lfu", within: 0, counts: [91699, 86720, 78578, 76707, 69945, 66221, 64445, 64376] },
  { policy: "belady", within: 0, counts: [79256, 70724, 65481, 61594, 59645, 57599, 50873, 48974] },
  { policy: "s3-fifo", within: 3, counts: [89307, 82387, 77041, 76791, 71300, 70343, 70455, 70355] },
  { policy: "gdsf", within: 4, counts: [89070, 84750, 74850, 70490, 67923, 64180, 61027, 58721] },
];

for (const { policy, within, counts } of weighted) {
  test(`${policy} with capacities in bytes misses as often as libCacheSim's tests say`, () => {
    for (const [i, expected] of counts.entries()) {
      const ours = misses(inBytes, policy, (i + 1) * 128 * 2 ** 20);
      assert.ok(Math.abs(ours - expected) <= within, `${(i + 1) * 128} MiB: ${ours}, expected ${expected}`);
    }
  });
}
