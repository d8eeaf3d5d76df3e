import { type BenchRow, formatRow } from "./bench-row.ts";
import { ingestRows } from "./ingest.ts";
import { kernelRows } from "./kernels.ts";
import { sweepRows } from "./sweep.ts";

/** `npm run bench:simulator [section…]`: prints what this machine does, beside the references in the same run. */
const sections: Readonly<Record<string, () => Promise<void>>> = {
  ingest: () => print(ingestRows()),
  sweep: () => print(sweepRows()),
  kernels: () => print(kernelRows()),
};

async function print(rows: AsyncIterable<BenchRow> | Iterable<BenchRow>): Promise<void> {
  for await (const row of rows) console.log(`  ${formatRow(row)}`);
}

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in sections));
if (unknown.length > 0) {
  console.error(`Cannot run "${unknown.join('", "')}": the sections are ${Object.keys(sections).join(", ")}`);
  process.exitCode = 4;
} else {
  for (const [name, run] of Object.entries(sections)) {
    if (asked.length > 0 && !asked.includes(name)) continue;
    console.log(name);
    await run();
  }
}
