import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { z } from "zod";
import { readConfig } from "../config/config.ts";
import { tenantsByKey } from "../http/tenants.ts";
import { type K6Run, type Row, runK6 } from "./run-k6.ts";

const script = new URL("./chat.ts", import.meta.url);
const modelServer = fileURLToPath(new URL("../model-server/main.ts", import.meta.url));

const stops: (() => void)[] = [];
after(() => {
  for (const stop of stops) stop();
});

async function startModel(env: Record<string, string> = {}): Promise<string> {
  const child: ChildProcess = spawn(process.execPath, [modelServer], {
    env: { ...process.env, PORT: "0", ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  stops.push(() => child.kill("SIGKILL"));
  assert.ok(child.stdout !== null);
  for await (const line of createInterface(child.stdout)) {
    const url = /^listening on (http:\S+)$/.exec(line)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error("the model server ended before it listened");
}

/** Of the reference system, by its API keys. */
const tenantOf = tenantsByKey(await systemKeys());

async function systemKeys() {
  const file = await readFile(new URL("../system.yaml", import.meta.url), "utf8");
  const system = z.object({ services: z.object({ api: z.object({ env: z.looseObject({}) }) }) });
  const { BW_API_KEYS } = system.parse(parse(file)).services.api.env;
  return readConfig({ BW_MODEL_URL: "http://127.0.0.1", BW_API_KEYS: String(BW_API_KEYS) }).apiKeys;
}

/** One request to a service of the test's own. */
interface Asked {
  readonly body: string;
  /** By the key; empty where there is none. */
  readonly tenant: string;
  /** Counting from 0. */
  readonly number: number;
}

type Handler = (asked: Asked, response: ServerResponse) => void | Promise<void>;

/** A service of the test's own, without a cache. */
async function startService(handler: Handler): Promise<string> {
  let requests = 0;
  const server = createServer(async (request: IncomingMessage, response) => {
    const number = requests;
    requests += 1;
    let body = "";
    for await (const piece of request) body += piece;
    const { authorization } = request.headers;
    await handler(
      { body, number, tenant: authorization === undefined ? "" : tenantOf(authorization) },
      response,
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stops.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return `http://127.0.0.1:${address.port}`;
}

async function closedPort(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${address.port}`;
}

interface Alterations {
  readonly tenant?: string;
  readonly olderMs?: number;
  readonly cache?: string;
  readonly edit?: (text: string) => string;
}

/** What the model answers, with the text and the headers changed on the way. */
async function altered(
  model: string,
  { body, tenant }: Asked,
  response: ServerResponse,
  { tenant: other = tenant, olderMs = 0, cache, edit }: Alterations,
): Promise<void> {
  const headers = { "x-tenant": other };
  const answer = await fetch(`${model}/v1/chat/completions`, { method: "POST", body, headers });
  const provenance = answer.headers.get("x-provenance") ?? "";
  response.setHeader(
    "x-provenance",
    provenance.replace(/at=(\d+)/, (_, at: string) => `at=${Number(at) - olderMs}`),
  );
  if (cache !== undefined) response.setHeader("x-cache", cache);
  const text = await answer.text();
  response.end(edit === undefined ? text : edit(text));
}

const passedOn = (model: string) => startService((asked, response) => altered(model, asked, response, {}));

function chat(run: Omit<K6Run, "script">): Promise<Row[]> {
  return runK6({ script, ...run });
}

const told = (rows: readonly Row[]) => rows.map(({ tags }) => tags);

test("every answer of the model server is right, plain and streamed", async () => {
  const rows = await chat({ url: await passedOn(await startModel()), iterations: 100, vus: 20 });
  assert.deepEqual(told(rows), Array(100).fill({ status: "200", error: "", cache: "", answer: "right" }));
  assert.ok(rows.every(({ tookMs }) => tookMs > 0));
});

test("every answer of another model version is wrong", async () => {
  const rows = await chat({
    url: await passedOn(await startModel({ MODEL_VERSION: "2" })),
    iterations: 40,
    vus: 20,
  });
  assert.deepEqual(told(rows), Array(40).fill({ status: "200", error: "", cache: "", answer: "wrong" }));
});

test("each way of answering is told as what it is", async () => {
  const model = await startModel();
  const minuteMs = 60_000;

  const ways: [Handler, Record<string, string>][] = [
    [
      (asked, response) => altered(model, asked, response, { cache: "hit" }),
      { cache: "hit", answer: "right" },
    ],
    [
      (asked, response) => altered(model, asked, response, { cache: "miss" }),
      { cache: "miss", answer: "right" },
    ],
    [
      (asked, response) => altered(model, asked, response, { cache: "bypass" }),
      { cache: "bypass", answer: "right" },
    ],
    [(asked, response) => altered(model, asked, response, { cache: "anything else" }), { answer: "right" }],
    [(asked, response) => altered(model, asked, response, { tenant: "acme" }), { answer: "foreign" }],
    [
      (asked, response) =>
        altered(model, asked, response, { tenant: "acme", edit: (text) => text.replace("Answer", "answer") }),
      { answer: "foreign" },
    ],
    [
      (asked, response) =>
        altered(model, asked, response, { edit: (text) => text.replace("Answer", "answer") }),
      { answer: "wrong" },
    ],
    [(asked, response) => altered(model, asked, response, { olderMs: 69 * minuteMs }), { answer: "right" }],
    [(asked, response) => altered(model, asked, response, { olderMs: 71 * minuteMs }), { answer: "stale" }],
    [
      (_, response) => void response.end('{"choices": [{"message": {"content": "Answer"}}]}'),
      { answer: "wrong" },
    ],
    [(_, response) => void response.end("<html>"), { answer: "wrong" }],
    [(_, response) => void response.end("null"), { answer: "wrong" }],
    [(_, response) => void response.writeHead(503).end("{}"), { status: "503" }],
    [(_, response) => void response.writeHead(404).end(), { status: "404" }],
    // The client gives up at its timeout.
    [() => {}, { status: "0", error: "1050" }],
    // The connection breaks in the middle of the answer.
    [
      async (_, response) => {
        response.writeHead(200, { "content-length": 100 }).write("{");
        await delay(50);
        response.destroy();
      },
      { status: "0", error: "1000" },
    ],
    [(asked, response) => altered(model, asked, response, {}), { answer: "right" }],
    [(asked, response) => altered(model, asked, response, {}), { answer: "right" }],
    [(asked, response) => altered(model, asked, response, {}), { answer: "right" }],
    // The 20th request is a stream, and so is each 20th after it: these end too early.
    [
      (asked, response) =>
        altered(model, asked, response, { edit: (text) => text.replace("data: [DONE]\n\n", "") }),
      { error: "incomplete-stream" },
    ],
  ];
  const plain = ways[0];
  assert.ok(plain !== undefined);
  const filler = Array.from({ length: 19 }, () => plain);
  ways.push(...filler, [
    (_, response) => void response.end('data: {"error": {"message": "gone"}}\n\ndata: [DONE]\n\n'),
    { error: "incomplete-stream" },
  ]);
  ways.push(...filler, [
    (asked, response) =>
      altered(model, asked, response, { edit: (text) => text.replace('"Answer"', '"answer"') }),
    { answer: "wrong" },
  ]);

  const url = await startService((asked, response) => ways[asked.number]?.[0](asked, response));
  const rows = await chat({ url, iterations: ways.length, timeoutMs: 2500 });
  assert.deepEqual(
    told(rows),
    ways.map(([, expected]) => ({ status: "200", error: "", cache: "", answer: "", ...expected })),
  );
});

/** A cache of whole answers before the model, under the keys that the test gives them. */
async function cached(model: string, keyOf: (asked: Asked) => string): Promise<string> {
  const entries = new Map<string, { text: string; provenance: string }>();
  return startService(async (asked, response) => {
    const { body, tenant } = asked;
    let entry = entries.get(keyOf(asked));
    if (entry === undefined) {
      const headers = { "x-tenant": tenant };
      const answer = await fetch(`${model}/v1/chat/completions`, { method: "POST", body, headers });
      entry = { text: await answer.text(), provenance: answer.headers.get("x-provenance") ?? "" };
      entries.set(keyOf(asked), entry);
    }
    response.setHeader("x-provenance", entry.provenance);
    response.end(entry.text);
  });
}

test("a cache that ignores whose answer it is gives foreign ones; one that minds it does not", async () => {
  const model = await startModel();
  const answers = async (keyOf: (asked: Asked) => string) =>
    told(await chat({ url: await cached(model, keyOf), iterations: 200 })).map(({ answer }) => answer);
  const mindful = await answers(({ body, tenant }) => `${tenant} ${body}`);
  assert.deepEqual(new Set(mindful), new Set(["right"]));
  const careless = await answers(({ body }) => body);
  assert.deepEqual(new Set(careless), new Set(["right", "foreign"]));
  assert.ok(careless.filter((answer) => answer === "foreign").length >= 5);
});

test("one request in ten is the second tenant's, for few questions, which the first one has too", async () => {
  const asked: { tenant: string; question: string }[] = [];
  const url = await startService(({ body, tenant }, response) => {
    asked.push({ tenant, question: JSON.parse(body).messages[0].content });
    response.writeHead(503).end();
  });
  await chat({ url, iterations: 300, keys: { distribution: "uniform", exponent: 1, count: 500 } });
  const few = asked.filter(({ tenant }) => tenant === "mole").map(({ question }) => question);
  assert.equal(few.length, 30);
  const numbers = few.map((question) => Number(/^Question (\d+): /.exec(question)?.[1]));
  assert.ok(
    numbers.every((number) => number < 20),
    `${numbers}`,
  );
});

test("a refused connection is told, and took time", async () => {
  const rows = await chat({ url: await closedPort(), iterations: 5 });
  assert.deepEqual(told(rows), Array(5).fill({ status: "0", error: "1212", cache: "", answer: "" }));
  assert.ok(rows.every(({ tookMs }) => tookMs > 0));
});

test("the time of the report less the duration is when the request began", async () => {
  let seenAt = 0;
  const url = await startService(async (_, response) => {
    seenAt = Date.now();
    await delay(2000);
    response.writeHead(503).end();
  });
  const [row] = await chat({ url, iterations: 1 });
  assert.ok(row !== undefined && row.tookMs >= 1990);
  const beganAt = row.atMs - row.tookMs;
  assert.ok(Math.abs(beganAt - seenAt) < 1000, `seen ${seenAt - beganAt} ms after it began`);
});

/** The questions that arrive, in order. */
async function questions(run: Omit<K6Run, "script" | "url">): Promise<string[]> {
  const seen: string[] = [];
  const url = await startService(({ body }, response) => {
    const request: { messages: { content: string }[] } = JSON.parse(body);
    seen.push(request.messages[0]?.content ?? "");
    response.writeHead(503).end();
  });
  await chat({ ...run, url });
  return seen;
}

test("a seed gives the same questions in the same order, whoever sends them; another seed gives others", async () => {
  const first = await questions({ iterations: 300, seed: 7 });
  assert.deepEqual(await questions({ iterations: 300, seed: 7 }), first);
  assert.deepEqual((await questions({ iterations: 300, seed: 7, vus: 10 })).sort(), first.toSorted());
  assert.notDeepEqual((await questions({ iterations: 300, seed: 8 })).sort(), first.toSorted());
  const top = first.filter((question) => question.startsWith("Question 0: ")).length;
  // 100 keys, exponent 1: the top key's share is 1 / H(100) = 19.3 %, so 58 of 300.
  assert.ok(top > 35 && top < 85, `${top} of 300 are for the top key`);
});

test("the example of docs/load.md reports each request", async () => {
  const example = new URL("../../docs/examples/load.ts", import.meta.url);
  const page = await readFile(new URL("../../docs/load.md", import.meta.url), "utf8");
  assert.ok(
    page.includes(`\`\`\`ts\n${await readFile(example, "utf8")}\`\`\`\n`),
    "the page shows another script",
  );
  const url = await startService((_, response) => void response.end("item"));
  const answered = await runK6({ script: example, url, iterations: 5 });
  assert.deepEqual(told(answered), Array(5).fill({ status: "200", error: "" }));
  const refused = await runK6({ script: example, url: await closedPort(), iterations: 5 });
  assert.deepEqual(told(refused), Array(5).fill({ status: "0", error: "1212" }));
});
