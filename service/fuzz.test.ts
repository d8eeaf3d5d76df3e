import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { Pool } from "undici";
import { z } from "zod";
import { type ModelStub, startModelStub } from "./testing/model-stub.ts";
import { eventually, startRedisCluster } from "./testing/redis-cluster.ts";
import { ask, spawnService } from "./testing/service-process.ts";
import { requestFor } from "./testing/service-under-test.ts";

/** As many series as the service may ever have, whatever callers send: what one Prometheus takes without a thought. */
const mostSeries = 1500;

/** With a heap of 192 MiB, which garbage may fill and a leak would burst. */
const mostResidentBytes = 512 * 1024 * 1024;

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
  /** Whether it deserves a 2xx; undefined where that is not clear. */
  readonly valid: boolean | undefined;
}

const apiError = z.strictObject({
  error: z.strictObject({
    message: z.string().min(1).max(1000),
    type: z.literal([
      "invalid_request_error",
      "authentication_error",
      "permission_error",
      "rate_limit_error",
      "server_error",
    ]),
    code: z.string().regex(/^[a-z0-9_]{1,64}$/),
    param: z.string().nullable(),
  }),
});

const known = { authorization: "Bearer key-a", "content-type": "application/json" };
const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const nested = (depth: number) => Buffer.from(`${"[".repeat(depth)}${"]".repeat(depth)}`);
const chat = (body: Buffer, valid: boolean | undefined, headers = {}): Sent => ({
  ...{ method: "POST", path: "/v1/chat/completions", body, valid },
  headers: { ...known, ...headers },
});
/** A member under a name that means something to JavaScript, which a literal could not have. */
const withMember = (name: string, value: unknown) =>
  Buffer.from(
    JSON.stringify(requestFor("x")).replace("{", `{${JSON.stringify(name)}:${JSON.stringify(value)},`),
  );

const magicNames = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "then", "valueOf"];
const wrongValues: readonly [field: string, ...values: unknown[]][] = [
  ["model", undefined, null, "", 5, [], {}, "gpt-9", "../../etc", "x".repeat(5000), "__proto__"],
  ["messages", undefined, null, [], "x", {}, [5], [null], [{}], [{ role: "user" }]],
  [
    "messages",
    [{ role: "god", content: "x" }],
    [{ role: "user", content: 5 }],
    [{ role: "user", content: [5] }],
  ],
  ["stream", "yes", 1, {}, []],
  ["temperature", -1, 3, "0", {}, 1e300],
  ["max_tokens", -1, 0, 0.5, "1", 1e300],
  ["n", 0, 2, -1, "1"],
  ["tools", [{}], "x", {}],
  ["stop", 5, [5], {}],
  ["user", 5, {}],
];

const question = fc.string({ unit: "grapheme", maxLength: 40 });
const valid = fc
  .record({
    question,
    extra: fc.dictionary(fc.stringMatching(/^x_[a-z]{1,10}$/), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 3 }),
    stream: fc.boolean(),
  })
  .map(({ question: asked, extra, stream }) => chat(json({ ...requestFor(asked), ...extra, stream }), true));
const wrongField = fc
  .constantFrom(...wrongValues)
  .chain(([field, ...values]) =>
    fc.constantFrom(...values).map((value) => chat(json({ ...requestFor("x"), [field]: value }), false)),
  );
const magic = fc
  .record({ name: fc.constantFrom(...magicNames), value: fc.jsonValue({ maxDepth: 2 }) })
  .map(({ name, value }) => chat(withMember(name, { polluted: value }), undefined));
const deep = fc
  .constantFrom(20, 200, 3000, 50_000, 400_000)
  .map((depth) =>
    chat(Buffer.from(JSON.stringify(requestFor("x")).replace("{", `{"x":${nested(depth)},`)), depth < 50),
  );
const garbage = fc
  .oneof(
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc.jsonValue({ maxDepth: 6 }).map((value) => json(value)),
    fc.nat({ max: 80 }).map((length) => json(requestFor("some question")).subarray(0, length)),
    fc.constant(Buffer.alloc(70_000, " ")),
    fc.constant(Buffer.from('{"model": 1e999999, "messages": "\\ud800"}')),
    fc.constant(Buffer.from([0xef, 0xbb, 0xbf, 0x7b, 0xff, 0x7d])),
  )
  .map((body) => chat(body, false));
const wrongEncoding = fc
  .constantFrom<Record<string, string>>(
    { "content-type": "text/plain" },
    { "content-type": "application/json; charset=iso-8859-1" },
    { "content-type": "multipart/form-data" },
    { "content-type": "" },
    { "content-encoding": "gzip" },
    { "content-encoding": "br" },
    { "content-encoding": "rot13" },
  )
  .map((headers) => chat(json(requestFor("x")), false, headers));
const bomb = fc.constant(
  chat(gzipSync(Buffer.alloc(30_000_000, " ")), false, { "content-encoding": "gzip" }),
);
const wrongKey = fc
  .oneof(
    fc.stringMatching(/^[\x21-\x7e]{0,100}$/),
    fc.constantFrom("Bearer", "Bearer ", "Basic a2V5LWE=", "Bearer key-a key-a", "bearer __proto__"),
  )
  .map((authorization) => chat(json(requestFor("x")), false, { authorization }));
/** How absurd a deadline or directive may be is for those who read it to say; it must not be a 500. */
const oddHeaders = fc
  .record({
    name: fc.constantFrom(
      ...["x-request-deadline-ms", "x-request-id", "x-request-priority", "x-cache-tags", "cache-control"],
      ...["traceparent", "accept", "if-none-match", "range", "x-forwarded-for", "te", "cookie"],
    ),
    value: fc.oneof(
      fc.constantFrom("0", "-1", "1e9", "NaN", "Infinity", "99999999999999999999", "1", "", "max-age=-1"),
      fc.stringMatching(/^[\x21-\x7e]{0,200}$/),
    ),
  })
  .map(({ name, value }) => chat(json(requestFor("x")), undefined, { [name]: value }));
const invalidation = fc
  .oneof(
    fc.jsonValue({ maxDepth: 3 }),
    fc.record(
      Object.fromEntries(
        ["key", "tag", "model", "tenant", "request"].map((name) => [name, fc.jsonValue({ maxDepth: 2 })]),
      ),
      { requiredKeys: [] },
    ),
    fc.constantFrom({ tag: "x" }, { key: "answer:x" }, { tenant: true }, { request: requestFor("x") }),
  )
  .map(
    (body): Sent => ({
      ...{ method: "POST", path: "/v1/cache/invalidate", headers: known, body: json(body) },
      valid: undefined,
    }),
  );
const embedding = fc
  .oneof(
    fc
      .array(fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 5 })
      .map((input) => ({ fields: { input }, valid: true })),
    fc
      .constantFrom<Record<string, unknown>>(
        ...[{ input: undefined }, { input: [] }, { input: 5 }, { input: [null] }, { input: { a: 1 } }],
        ...[
          { model: "gpt-9" },
          { model: 5 },
          { encoding_format: "hex" },
          { dimensions: 0 },
          { dimensions: "1" },
        ],
        ...[{ user: 5 }, { input: Array(100_000).fill("x") }, { input: [["x"]] }],
      )
      .map((fields) => ({ fields, valid: false })),
    fc
      .record({ input: fc.jsonValue({ maxDepth: 3 }), dimensions: fc.jsonValue({ maxDepth: 1 }) })
      .map((fields) => ({ fields, valid: undefined })),
  )
  .map(
    ({ fields, valid: isValid }): Sent => ({
      ...{ method: "POST", path: "/v1/embeddings", headers: known, valid: isValid },
      body: json({ model: "fuzzed-embeddings", input: "x", ...fields }),
    }),
  );
const anywhere = fc
  .record({
    method: fc.constantFrom("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"),
    path: fc.oneof(
      fc.constantFrom("/v1/chat/completions", "/v1/models", "/v1/embeddings", "/health/live", "/metrics"),
      fc.constantFrom("/v1/chat/completions/", "//", "/%", "/%00", "/v1/%2e%2e/metrics", "/?__proto__[x]=1"),
      fc.webPath().map((path) => `/${path}`),
    ),
    body: fc.option(
      fc.jsonValue({ maxDepth: 2 }).map((value) => json(value)),
      { nil: undefined },
    ),
  })
  .map(
    ({ method, path, body }): Sent => ({
      ...{ method, path, headers: known, valid: undefined },
      body: method === "GET" || method === "HEAD" ? undefined : body,
    }),
  );

const anything = fc.oneof(
  ...[
    valid,
    wrongField,
    magic,
    garbage,
    wrongEncoding,
    wrongKey,
    oddHeaders,
    invalidation,
    embedding,
    anywhere,
  ].map((arbitrary) => ({ weight: 10, arbitrary })),
  { weight: 3, arbitrary: deep },
  { weight: 1, arbitrary: bomb },
);

async function check(pool: Pool, sent: Sent): Promise<void> {
  const { method, path, headers, body } = sent;
  const reply = await pool.request({
    ...{ path, headers, body: body ?? null },
    // undici knows the usual methods only by type.
    method: z.custom<"GET">((text) => typeof text === "string").parse(method),
  });
  const text = await reply.body.text();
  const status = reply.statusCode;
  const seen = `${method} ${path} ${JSON.stringify(headers)} ${String(body).slice(0, 300)} → ${status} ${text.slice(0, 300)}`;
  if (sent.valid === true) assert.equal(status, 200, seen);
  if (sent.valid === false) assert(status >= 400, seen);
  // The one thing that a caller can bring about beyond 4xx is that the time which it allows is not enough.
  const hurried = headers["x-request-deadline-ms"] !== undefined && status === 504;
  assert(status < 500 || hurried, seen);
  assert(status === 200 || status >= 400, seen);
  if (status >= 400 && method !== "HEAD") {
    assert.match(String(reply.headers["content-type"]), /^application\/json\b/, seen);
    assert(apiError.safeParse(JSON.parse(text)).success, seen);
  }
}

async function gauges(url: string) {
  const text = await (await fetch(`${url}/metrics`)).text();
  const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
  return {
    series: text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).length,
    rssBytes: value("process_resident_memory_bytes"),
    openFiles: value("process_open_fds"),
    underWay: value("http_requests_in_flight"),
    text,
  };
}

async function answersAsBefore(url: string, model: ModelStub): Promise<void> {
  const reply = await ask(url, "after all that", { key: "key-a" });
  assert.equal(reply.status, 200);
  assert.equal(
    z.object({ object: z.literal("chat.completion") }).parse(await reply.json()).object,
    "chat.completion",
  );
  assert.deepEqual(model.requests.at(-1), requestFor("after all that"));
}

test("whatever is sent, a running service answers as the API writes it, and neither fails, grows nor forgets", async () => {
  await using cluster = await startRedisCluster();
  await using model = await startModelStub();
  await using service = spawnService({
    ...{ BW_MODEL_URL: model.url, BW_REDIS_NODES: cluster.addresses, BW_API_KEYS: "a:key-a,b:key-b" },
    ...{
      BW_MAX_BODY_BYTES: "1000000",
      BW_ADMIN_KEYS: "admin-key",
      BW_EMBEDDINGS_MODEL_NAME: "fuzzed-embeddings",
    },
  });
  const url = await service.url();
  await using open = new AsyncDisposableStack();
  const pool = open.adopt(new Pool(url, { connections: 4 }), (opened) => opened.destroy());
  const seed = Number(process.env["FUZZ_SEED"] ?? randomInt(2 ** 31));
  console.log(`FUZZ_SEED=${seed}`);

  const storm = (numRuns: number, from: number) =>
    fc.assert(
      fc.asyncProperty(anything, (sent) => check(pool, sent)),
      { numRuns, seed: from, endOnFailure: true },
    );
  await storm(500, seed);
  const before = await gauges(url);
  await storm(2000, seed + 1);
  await eventually(async () => (await gauges(url)).underWay === 1);
  const after = await gauges(url);

  assert(after.rssBytes < mostResidentBytes, `${before.rssBytes} → ${after.rssBytes} bytes`);
  assert(after.openFiles - before.openFiles < 10, `${before.openFiles} → ${after.openFiles} files`);
  assert(after.series < mostSeries, `${after.series} series`);
  assert(!/polluted|__proto__|gpt-9/.test(after.text));
  await answersAsBefore(url, model);
  assert.equal(service.log.filter(({ level }) => Number(level) >= 50).length, 0);
  service.kill("SIGTERM");
  assert.deepEqual(await service.exited, [0, null]);
});
