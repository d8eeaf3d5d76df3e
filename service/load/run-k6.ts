import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** One report of the script, as it stands in k6's CSV: of a request, or of how many were sent beside it. */
export interface Row {
  /** Unix time in ms at which the request was reported. */
  readonly atMs: number;
  /** Of a request; of those beside it, how many they are. */
  readonly tookMs: number;
  readonly tags: Readonly<Record<string, string>>;
}

export interface K6Run {
  readonly script: URL;
  readonly url: string;
  readonly iterations: number;
  readonly vus?: number;
  readonly seed?: number;
  readonly keys?: {
    readonly distribution: "zipf" | "uniform";
    readonly exponent: number;
    readonly count: number;
  };
  readonly timeoutMs?: number;
  /** The script's own settings. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whose values are given. */
  readonly metric?: "breakwater_request" | "breakwater_extra";
}

/** Runs the script under real k6, through a wrapper such as the harness makes, and gives what it has reported. */
export async function runK6({
  script,
  url,
  iterations,
  vus = 1,
  seed = 1,
  keys,
  timeoutMs = 5000,
  env = {},
  metric = "breakwater_request",
}: K6Run): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), "breakwater-load-"));
  try {
    const wrapper = join(folder, "wrapper.ts");
    const from = JSON.stringify(fileURLToPath(script));
    const options = JSON.stringify({
      systemTags: [],
      scenarios: { load: { executor: "shared-iterations", vus, iterations, maxDuration: "60s" } },
    });
    await writeFile(
      wrapper,
      `export * from ${from};\nexport { default } from ${from};\nexport const options = ${options};\n`,
    );
    const child = spawn(
      await findK6(),
      [
        "run",
        "--quiet",
        "--summary-mode=disabled",
        "--no-usage-report",
        "--address",
        "",
        "--out",
        "csv",
        wrapper,
      ],
      {
        stdio: ["ignore", "pipe", "pipe"],
        env: {
          ...process.env,
          ...env,
          K6_AUTO_EXTENSION_RESOLUTION: "false",
          K6_CSV_FILENAME: "-",
          K6_CSV_TIME_FORMAT: "unix_micro",
          BREAKWATER_URL: url,
          BREAKWATER_TIMEOUT_MS: String(timeoutMs),
          BREAKWATER_SEED: String(seed),
          BREAKWATER_KEYS: JSON.stringify(keys ?? { distribution: "zipf", exponent: 1, count: 100 }),
        },
      },
    );
    let csv = "";
    let log = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      csv += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      log += text;
    });
    const [code] = await once(child, "close");
    if (code !== 0) throw new Error(`k6 ended with code ${code}: ${log}`);
    return readRows(csv, metric);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function readRows(csv: string, metric: string): Row[] {
  const [head = "", ...lines] = csv.split("\n");
  if (head !== "metric_name,timestamp,metric_value,extra_tags,metadata")
    throw new Error(`k6 wrote "${head}"`);
  const rows = lines.filter((line) => line.startsWith(`${metric},`));
  return rows.map((line) => {
    const [, timestamp, value, tags] = line.split(",");
    return {
      atMs: Number(timestamp) / 1000,
      tookMs: Number(value),
      tags: Object.fromEntries(new URLSearchParams(tags)),
    };
  });
}

/** The k6 that the environment names, else the one that the harness's toolchain has. */
async function findK6(): Promise<string> {
  const named = process.env.BREAKWATER_K6;
  if (named !== undefined) return named;
  const printer = fileURLToPath(new URL("../../harness/toolchain/print-tools.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [printer]);
  const tools: { k6: string } = JSON.parse(stdout);
  return tools.k6;
}
