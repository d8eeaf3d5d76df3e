import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { after, test } from "node:test";
import { type EventBody, type Sample, stretchMs } from "../journal/event.ts";
import type { Job, JobSpec } from "../substrates/substrate.ts";
import { provideTools } from "../toolchain/tools.ts";
import { type Load, startLoad } from "./k6.ts";
import type { LoadSpec } from "./load-spec.ts";

const { tools } = await provideTools(() => {}, AbortSignal.timeout(300_000));
const { k6 } = tools;
const folder = await mkdtemp(join(tmpdir(), "breakwater-load-"));
after(() => rm(folder, { recursive: true }));

const reportingScript = `
import http from "k6/http";
import { Trend } from "k6/metrics";
const request = new Trend("breakwater_request", true);
export const options = { vus: 99, thresholds: { http_reqs: ["count<1"] } };
export default function () {
  const response = http.get(__ENV.BREAKWATER_URL + "/" + __ENV.BREAKWATER_SEED, { timeout: __ENV.BREAKWATER_TIMEOUT_MS + "ms" });
  request.add(response.timings.duration, {
    status: String(response.status),
    error: response.error_code ? String(response.error_code) : "",
    cache: response.headers["X-Cache"] || "",
    answer: response.status === 200 ? "right" : "",
  });
}`;

async function serve(listener: RequestListener) {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return {
    entry: new URL(`http://127.0.0.1:${address.port}`),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** What a user's shell might hold: settings of the script, of k6, and a secret for the script. */
const shell = { COLOUR: "red", SHADE: "dark", K6_ITERATIONS: "3", K6_VUS: "1", TOKEN: "hush" };

/** Stands in for a deployment: starts the job beside the test, its stderr in a file. */
async function launch(spec: JobSpec, logFile: string): Promise<Job> {
  const log = await open(logFile, "w");
  const [program, ...args] = spec.command;
  const child = spawn(program, args, {
    env: {
      ...Object.fromEntries(
        Object.entries({ ...process.env, ...shell }).filter(([name]) => spec.inherits(name)),
      ),
      ...spec.env,
    },
    cwd: spec.cwd,
    stdio: ["ignore", "pipe", log.fd],
  });
  const exited = once(child, "exit").then(([code, signal]) => ({ code, signal }));
  await log.close();
  assert.ok(child.pid !== undefined && child.stdout !== null);
  return {
    pid: child.pid,
    stdout: child.stdout,
    exited,
    stop: async () => {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

interface Run {
  readonly load: Load;
  readonly samples: Sample[];
  readonly events: { readonly body: EventBody; readonly atMs: number | undefined }[];
  readonly pid: () => number;
}

async function start(name: string, script: string, entry: URL, change: Partial<LoadSpec> = {}): Promise<Run> {
  const file = join(folder, `${name} #1%20.ts`);
  const logFile = join(folder, `${name}.log`);
  await writeFile(file, script);
  const samples: Sample[] = [];
  const events: { body: EventBody; atMs: number | undefined }[] = [];
  let pid = 0;
  const load = await startLoad({
    load: {
      script: file,
      ratePerS: 50,
      keys: { distribution: "zipf", exponent: 1, count: 10 },
      timeoutMs: 1000,
      env: {},
      reads: ["COLOUR", "SHADE"],
      vus: 75,
      durationMs: 1000,
      ...change,
    },
    seed: 7,
    entry,
    k6,
    workDir: folder,
    logFile,
    nowMs: () => performance.now(),
    phaseAt: (startMs) => (startMs > 0 ? "baseline" : ""),
    onSample: (sample) => samples.push(sample),
    record: (_source, body, atMs) => events.push({ body, atMs }),
    deployment: {
      launch: async (spec) => {
        const job = await launch(spec, logFile);
        pid = job.pid;
        return job;
      },
    },
  });
  return { load, samples, events, pid: () => pid };
}

function typesOf(run: Run): string[] {
  return run.events.map(({ body }) => body.type);
}

const unused = new URL("http://127.0.0.1:9");

test("each request becomes a sample, in run time", async () => {
  const seen: { path: string | undefined; atMs: number }[] = [];
  await using server = await serve((request, response) => {
    seen.push({ path: request.url, atMs: performance.now() });
    setTimeout(() => response.writeHead(200, { "x-cache": "hit" }).end("ok"), 20);
  });
  const run = await start("plain", reportingScript, server.entry);
  const firstMs = await run.load.started;
  const end = await run.load.ended;

  assert.deepEqual({ ...end, samples: 0 }, { code: 0, signal: null, samples: 0, malformed: 0 });
  assert.equal(end.samples, run.samples.length);
  assert.equal(run.samples.length, seen.length);
  assert.ok(seen.every(({ path }) => path === "/7"));
  for (const sample of run.samples) {
    assert.ok(sample.durationMs >= 15, `a request took ${sample.durationMs} ms`);
    const { startMs: _, durationMs: __, ...rest } = sample;
    assert.deepEqual(rest, {
      status: 200,
      error: "",
      phase: "baseline",
      cache: "hit",
      answer: "right",
      source: "k6",
      arm: "main",
      attempt: 1,
    });
  }
  // In order of start, what k6 says began cannot have reached the server much earlier.
  const starts = run.samples.map(({ startMs }) => startMs).sort((a, b) => a - b);
  const arrivals = seen.map(({ atMs }) => atMs).sort((a, b) => a - b);
  starts.forEach((startMs, index) => {
    const lateMs = (arrivals[index] ?? Number.NaN) - startMs;
    assert.ok(lateMs > -1000 && lateMs < 2000, `arrived ${lateMs} ms after its start`);
  });
  assert.ok(firstMs >= (starts[0] ?? Number.NaN) - 1e-6 && firstMs <= (starts.at(-1) ?? Number.NaN));
  assert.deepEqual(typesOf(run), ["clock", "load-started", "load-ended"]);
  assert.deepEqual(run.events.at(-1)?.body, { type: "load-ended", code: 0, signal: null, expected: true });
});

test("requests that are refused or given up are samples with an error", async () => {
  const refused = await start("refused", reportingScript, unused, { ratePerS: 20, durationMs: 1000 });
  await refused.load.ended;
  assert.ok(refused.samples.length >= 5);
  assert.ok(
    refused.samples.every(({ status, error, answer }) => status === 0 && error !== "" && answer === ""),
  );
});

test("arrivals for which no VU is free are counted as dropped", async () => {
  await using server = await serve((_request, response) => {
    setTimeout(() => response.end("ok"), 400);
  });
  const run = await start("dropped", reportingScript, server.entry, { vus: 2 });
  await run.load.ended;
  const counts = run.events.map(({ body }) => (body.type === "arrivals-dropped" ? body.count : 0));
  const dropped = counts.reduce((sum, count) => sum + count, 0);
  const arrivals = dropped + run.samples.length;
  assert.ok(dropped > run.samples.length, `${dropped} dropped, ${run.samples.length} sampled`);
  assert.ok(arrivals >= 49 && arrivals <= 52, `${arrivals} arrivals of 50`);
});

test("k6 killed in the middle is an end that was not expected", async () => {
  await using server = await serve((_request, response) => response.end("ok"));
  const run = await start("killed", reportingScript, server.entry, { durationMs: 60_000 });
  await run.load.started;
  process.kill(run.pid(), "SIGKILL");
  const end = await run.load.ended;
  assert.equal(end.signal, "SIGKILL");
  assert.deepEqual(run.events.at(-1)?.body, {
    type: "load-ended",
    code: null,
    signal: "SIGKILL",
    expected: false,
  });
});

test("a load that is stopped ends as expected", async () => {
  await using server = await serve((_request, response) => response.end("ok"));
  const run = await start("stopped", reportingScript, server.entry, { durationMs: 60_000 });
  await run.load.started;
  await run.load.stop();
  const last = run.events.at(-1)?.body;
  assert.ok(last?.type === "load-ended" && last.expected);
});

test("a script that throws before the first request is an error that quotes k6", async () => {
  const run = await start("throws", `throw new Error("no such luck"); export default function () {}`, unused);
  await assert.rejects(run.load.started, { code: "LOAD_FAILED", message: /no such luck/ });
  assert.equal((await run.load.ended).code, 107);
});

test("a script that does not exist is an error", async () => {
  const script = join(folder, "nowhere.ts");
  const run = await start("missing", reportingScript, unused, { script });
  await assert.rejects(run.load.started, { code: "LOAD_FAILED", message: /nowhere\.ts/ });
  await run.load.ended;
});

test("a script that reports no request is an error while it runs", async () => {
  const run = await start("silent", "export default function () {}", unused, { durationMs: 60_000 });
  await assert.rejects(run.load.started, { code: "LOAD_REPORTS_NOTHING" });
  await run.load.stop();
});

test("a script that ends without a report is an error", async () => {
  const run = await start("short", "export default function () {}", unused, {
    ratePerS: 5,
    durationMs: 1000,
  });
  await assert.rejects(run.load.started, { code: "LOAD_REPORTS_NOTHING" });
  assert.equal((await run.load.ended).code, 0);
});

test("rows that are not understood are warned of and counted, and are no samples", async () => {
  const script = `
import { Trend } from "k6/metrics";
const request = new Trend("breakwater_request", true);
export default function () {
  request.add(1, { status: "200" });
  request.add(1, { status: "fine" });
}`;
  const run = await start("malformed", script, unused, { ratePerS: 20, durationMs: 1000 });
  const end = await run.load.ended;
  assert.ok(end.samples > 1);
  assert.equal(end.malformed, end.samples);
  assert.deepEqual(typesOf(run), ["clock", "warning", "load-started", "warning", "load-ended"]);
});

test("the script has its settings from the scenario and none from the shell, and the harness's own stay", async () => {
  const paths = new Set<string | undefined>();
  await using server = await serve((request, response) => {
    paths.add(request.url);
    response.end("ok");
  });
  const script = reportingScript.replace(
    '"/" +',
    '["", __ENV.COLOUR, __ENV.SHADE, __ENV.TOKEN, ""].join("/") +',
  );
  assert.notEqual(script, reportingScript);
  const run = await start("settings", script, server.entry, {
    env: { COLOUR: "blue", BREAKWATER_SEED: "stolen" },
  });
  await run.load.ended;
  assert.deepEqual([...paths], ["/blue//hush/7"]);
  // Nor has a variable of k6 in the shell changed how much is sent.
  assert.ok(run.samples.length > 3, `${run.samples.length} requests`);
});

test("what a callback throws ends the load and is handed on", async () => {
  await using server = await serve((_request, response) => response.end("ok"));
  const file = join(folder, "callback.ts");
  await writeFile(file, reportingScript);
  const logFile = join(folder, "callback.log");
  const load = await startLoad({
    load: {
      script: file,
      ratePerS: 50,
      keys: { distribution: "uniform", exponent: 1, count: 10 },
      timeoutMs: 1000,
      env: {},
      reads: [],
      vus: 10,
      durationMs: 60_000,
    },
    seed: 1,
    entry: server.entry,
    k6,
    workDir: folder,
    logFile,
    nowMs: () => performance.now(),
    phaseAt: () => "",
    onSample: () => {
      throw new Error("the disk is full");
    },
    record: () => {},
    deployment: { launch: (spec) => launch(spec, logFile) },
  });
  await assert.rejects(load.started, /the disk is full/);
  await assert.rejects(load.ended, /the disk is full/);
});

test("what the script counts beside its requests is recorded, and is no request", async () => {
  const script = `
    import { Counter, Trend } from "k6/metrics";
    const requests = new Trend("breakwater_request", true);
    const extra = new Counter("breakwater_extra");
    export default function () {
      requests.add(1, { status: "200", error: "" });
      extra.add(20);
    }`;
  const run = await start("extra", script, unused);
  await run.load.ended;
  const extra = run.events.flatMap(({ body }) => (body.type === "extra-load" ? [body.count] : []));
  assert.equal(
    extra.reduce((sum, count) => sum + count, 0),
    20 * run.samples.length,
  );
  assert.ok(run.samples.length > 0);
  // Each at the time of its requests, not when it was heard of.
  const firstMs = Math.min(...run.samples.map(({ startMs }) => startMs));
  const lastMs = Math.max(...run.samples.map(({ startMs }) => startMs));
  const timesMs = run.events.flatMap(({ body, atMs }) =>
    body.type === "extra-load" ? [atMs ?? Number.NaN] : [],
  );
  assert.ok(
    timesMs.every((atMs) => atMs >= firstMs) && Math.max(...timesMs) > lastMs - stretchMs,
    `${timesMs}`,
  );
});

test("a batch of the script's goes out at once, not a few at a time", async () => {
  const held: ServerResponse[] = [];
  let most = 0;
  const answerAll = () => {
    most = Math.max(most, held.length);
    for (const response of held.splice(0)) response.end();
  };
  await using server = await serve((_request, response) => {
    held.push(response);
    // Those that wait for the others are let go in the end, so that the test ends where they never come.
    if (held.length === 20) answerAll();
    else setTimeout(answerAll, 3000).unref();
  });
  const script = `
    import http from "k6/http";
    import { Trend } from "k6/metrics";
    const requests = new Trend("breakwater_request", true);
    export default function () {
      http.batch(Array.from({ length: 20 }, () => ({ method: "GET", url: __ENV.BREAKWATER_URL, params: { timeout: 20000 } })));
      requests.add(1, { status: "200", error: "" });
    }`;
  const run = await start("batch", script, server.entry, { ratePerS: 1, vus: 2, timeoutMs: 20_000 });
  await run.load.ended;
  assert.equal(most, 20);
});
