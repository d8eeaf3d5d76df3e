import { access, open, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { isDeployable, serviceEnvironment } from "./advice/recommend.ts";
import { InputError, reasonOf } from "./input-error.ts";
import { loadLog } from "./log/load.ts";
import { prepare } from "./prepare.ts";
import { buildReport } from "./report/build.ts";
import { csvReport } from "./report/csv.ts";
import { htmlReport } from "./report/html.ts";
import { reportJsonSchema } from "./report/report.ts";
import { terminalReport } from "./report/terminal.ts";
import { readSettings } from "./settings.ts";
import { simulate } from "./simulate.ts";
import { loadEmbedder, RequestVectors } from "./strategies/embedder.ts";

/** As the harness's: 4 is the user's input, 3 our failure. */
const exitCode = { ok: 0, failure: 3, badInput: 4, interrupted: 130 } as const;

const sample = fileURLToPath(new URL("./sample/requests.jsonl.gz", import.meta.url));

const collect = (value: string, before: string[] = []) => [...before, value];

const program = new Command("simulate")
  .description("Replays a log of requests through cache strategies, and says what each would save and cost.")
  .argument("[log]", "the log, gzip or Zstandard too; without one, the sample that comes along")
  .allowExcessArguments(false)
  .option("--format <name>", "format of the log (guessed and shown otherwise)")
  .option("--columns <map>", "for CSV: time=TIMESTAMP,promptTokens=ContextTokens")
  .option("--malformed-share <share>", "largest share of malformed lines that is let pass (0.01)")
  .option("--keep-uncacheable", "replay requests, too, whose answers the log's own rule kept out of a cache")
  .option("--keep", "keep the parsed columns beside the log, and take them from there")
  .option("--strategies <list>", "exact, ttl, normalised, semantic, tiered, prefix (all that the log allows)")
  .option("--policies <list>", "rules of eviction")
  .option("--sizes <number>", "how many sizes to try (20; 10 for more than 500,000 rows)")
  .option("--capacities <list>", "sizes of answer caches, instead")
  .option("--unit <unit>", "of sizes: entries, bytes or tokens (entries)")
  .option("--ttl <list>", "times to live (1m,10m,1h,1d)")
  .option("--threshold <list>", "similarities from which a semantic cache answers (0.98,0.95,0.9)")
  .option("--embeddings <file>", "little-endian 32-bit floats, one vector for each row in order of time")
  .option("--dimensions <number>", "of each vector")
  .option(
    "--embedder <module>",
    'makes the vectors from the log\'s texts: a module with { name, dimensions, embed } as its default export, or "trigrams"',
  )
  .option("--replicas <number>", "with an L1 each, for tiered (2)")
  .option("--routing <kind>", "random, consistent-hash or sticky (random)")
  .option("--warmup <share>", "of the rows that fill the caches first and are not counted (0)")
  .option(
    "--lose <what@time>",
    'what a loss costs: "all@10m", "l1:0@10m", "l2:0/3@10m+30s"; repeatable',
    collect,
  )
  .option("--cost <kind>", "auto, api (by the token), gpu (by the hour) or none (auto)")
  .option("--prices <file>", "your own table of prices")
  .option("--model <name>", "to price rows that name none")
  .option("--batch", "batch prices")
  .option("--gpu-hour <usd>", "price of a GPU hour")
  .option("--redis-gib-hour <usd>", "price of a GiB and hour in Redis")
  .option("--memory-gib-hour <usd>", "price of a GiB and hour of plain memory")
  .option("--latency <kind>", "auto, log, engines or none (auto)")
  .option("--engines <number>", "engines of the measured profile (enough for 70 % busy)")
  .option("--workers <number>", "threads (one for each core)")
  .option("--json <file>", "write the report as JSON")
  .option("--csv <file>", "write the strategies as CSV")
  .option("--html <file>", "write the page as one HTML file")
  .option("--write-config <file>", "write the advised strategy as the service's environment")
  .option("--print-schema", "print the schema of the JSON report, and end")
  .exitOverride()
  .configureOutput({ writeErr: (text) => process.stderr.write(text) });

async function main(argv: readonly string[], signal: AbortSignal): Promise<void> {
  program.parse(argv, { from: "user" });
  const settings = readSettings(program.opts());
  if (settings.printSchema) {
    process.stdout.write(`${JSON.stringify(reportJsonSchema(), null, 2)}\n`);
    return;
  }
  for (const path of [settings.json, settings.csv, settings.html, settings.writeConfig]) {
    if (path !== undefined) await requireWritable(path);
  }
  const { format, columns, malformedShare, keepUncacheable, keep } = settings;
  const vectors =
    settings.embedder === undefined ? undefined : new RequestVectors(await loadEmbedder(settings.embedder));
  const read = await loadLog(program.args[0] ?? sample, {
    keep,
    keepUncacheable,
    signal,
    ...(format === undefined ? {} : { format }),
    ...(columns === undefined ? {} : { columns }),
    ...(vectors === undefined ? {} : { requests: vectors }),
    ...(settings.workers === undefined ? {} : { threads: settings.workers }),
    ...(malformedShare === undefined ? {} : { mostMalformedShare: malformedShare }),
    onProgress: ({ bytesRead, bytesTotal, rows }) =>
      progress(
        `${bar("reading", bytesRead / Math.max(1, bytesTotal))}, ${rows.toLocaleString("en-US")} rows`,
      ),
  });
  const { options, assumptions } = await prepare(read, settings, vectors);
  const simulation = await simulate({
    ...options,
    signal,
    onProgress: (done, of) => progress(`${bar("simulating", done / of)}, ${done} of ${of} strategies`),
  });
  progress("");
  const report = buildReport(simulation, options.input, read.report, assumptions);
  if (settings.json !== undefined) await writeFile(settings.json, `${JSON.stringify(report, null, 2)}\n`);
  if (settings.csv !== undefined) await writeFile(settings.csv, csvReport(report));
  if (settings.html !== undefined) await writeFile(settings.html, htmlReport(report));
  process.stdout.write(terminalReport(report));
  if (settings.writeConfig !== undefined) {
    const { deployable } = simulation.advice;
    if (deployable === undefined) {
      const hasOne = simulation.evaluations.some(({ spec }) => isDeployable(spec, report.log.spanMs));
      throw new InputError(
        "NOTHING_TO_WRITE",
        `Nothing was written to "${settings.writeConfig}": ${hasOne ? "no cache that the service has gains anything here" : "none of the strategies tried is a cache that the service has"}`,
        hasOne
          ? "Leave --write-config out."
          : "Let --strategies have exact, ttl or tiered, and --policies lru or lfu.",
      );
    } else
      await writeFile(
        settings.writeConfig,
        serviceEnvironment(deployable, {
          assumptions,
          spanMs: report.log.spanMs,
          sampled: read.report.ruled < report.log.requests,
        }),
      );
  }
}

/**
 * A simulation may take minutes: what cannot be written is told before it. Content that is there stays.
 *
 * @throws InputError
 */
async function requireWritable(path: string): Promise<void> {
  try {
    const isThere = await access(path).then(
      () => true,
      () => false,
    );
    await (await open(path, "a")).close();
    if (!isThere) await rm(path);
  } catch (thrown) {
    throw new InputError(
      "UNWRITABLE",
      `Cannot write "${path}": ${reasonOf(thrown)}`,
      "Name a file in a folder that exists and can be written to.",
      thrown,
    );
  }
}

function bar(what: string, share: number): string {
  const width = 24;
  const done = Math.round(width * share);
  return `${what.padEnd(10)} [${"=".repeat(done)}${" ".repeat(width - done)}] ${Math.floor(100 * share)} %`;
}

let lastProgressAt = 0;

/** One line that is overwritten, on a terminal alone. An empty text clears it. */
function progress(text: string): void {
  if (!process.stderr.isTTY) return;
  const now = performance.now();
  if (text !== "" && now - lastProgressAt < 100) return;
  lastProgressAt = now;
  process.stderr.write(`\r\x1b[K${text}`);
}

/** What the user can put right. */
const inputErrors = new Set(["SettingsError", "InputError", "LogError", "StrategyError"]);

function failed(thrown: unknown): number {
  progress("");
  if (isCommanderError(thrown)) return thrown.exitCode === 0 ? exitCode.ok : exitCode.badInput;
  // By name: an error that comes from a worker has lost its class.
  const isInput = thrown instanceof Error && inputErrors.has(thrown.name);
  if (!isInput) {
    process.stderr.write(`${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}\n`);
    return exitCode.failure;
  }
  process.stderr.write(`${thrown.message}\n`);
  if ("hint" in thrown && typeof thrown.hint === "string") process.stderr.write(`  hint: ${thrown.hint}\n`);
  return exitCode.badInput;
}

/** commander has already said what was wrong (or shown its help). */
function isCommanderError(thrown: unknown): thrown is { exitCode: number } {
  return thrown instanceof Error && "code" in thrown && String(thrown.code).startsWith("commander.");
}

const interrupt = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => interrupt.abort());

try {
  await main(process.argv.slice(2), interrupt.signal);
} catch (thrown) {
  process.exitCode = interrupt.signal.aborted ? exitCode.interrupted : failed(thrown);
}
