import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { formats } from "../catalog.ts";
import { rowKind } from "../log.ts";
import { LogError } from "../log-error.ts";
import { type ReadOptions, readLog } from "../read.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "formats-"));
});
after(() => rm(folder, { recursive: true }));

let files = 0;
async function read(content: string | Uint8Array, options?: ReadOptions): ReturnType<typeof readLog> {
  const path = join(folder, `log-${files++}`);
  await writeFile(path, content);
  return readLog(path, options);
}

const jsonLines = (records: readonly unknown[]): string =>
  records.map((record) => `${JSON.stringify(record)}\n`).join("");
const t0 = Date.UTC(2026, 10, 23, 6, 20, 11, 123);
const hello = [{ role: "user", content: "Hello there" }];

test("the catalog is the folder", async () => {
  const names = await readdir(new URL(".", import.meta.url));
  const sources = names.filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"));
  assert.deepEqual(Object.keys(formats).sort(), sources.map((name) => name.slice(0, -3)).sort());
});

test("openai: the access log's fields", async () => {
  const { log, report } = await read(
    jsonLines([
      {
        time: "2026-11-23T06:20:11.123Z",
        tenant: "a",
        model: "m",
        request: "k1",
        normalised: "n",
        promptTokens: 400,
        cachedTokens: 128,
        cacheWriteTokens: 64,
        outputTokens: 20,
        latencyMs: 812.5,
        status: 200,
        cache: "miss",
        responseBytes: 99,
      },
      {
        time: t0 + 1000,
        tenant: "a",
        model: "m",
        request: "k2",
        normalised: "n",
        promptTokens: 1,
        nearest: "k1",
        similarity: 0.5,
      },
      { time: (t0 + 2000) / 1000, tenant: "b", model: "m", request: "k1" },
      { time: t0 + 3000, tenant: "a", model: "m2", request: "k1" },
      { time: t0 + 4000, tenant: "a", model: "m", request: "k1" },
    ]),
  );
  assert.equal(report.format, "openai");
  assert.equal(log.wallStartMs, t0);
  assert.deepEqual([...log.timeMs].map(Math.round), [0, 1000, 2000, 3000, 4000]);
  assert.deepEqual([...log.key], [0, 1, 2, 3, 0], "tenants and models do not share");
  assert.equal(log.normalisedKey[0], log.normalisedKey[1]);
  assert.notEqual(log.normalisedKey[0], log.normalisedKey[2]);
  assert.equal(log.normalisedKeys, 3, "a row that does not name it has that of its key");
  assert.deepEqual(
    [log.promptTokens[0], log.outputTokens[0], log.bytes[0], log.latencyMs[0]],
    [400, 20, 99, 812.5],
  );
  assert.ok(Number.isNaN(log.latencyMs[1]));
  assert.deepEqual([...(log.cachedTokens ?? [])], [128, 0, 0, 0, 0]);
  assert.deepEqual([...(log.cacheWriteTokens ?? [])], [64, 0, 0, 0, 0]);
  assert.deepEqual(log.models, ["m", "m2"]);
  assert.deepEqual([...log.model], [0, 0, 0, 1, 0]);
  assert.deepEqual([...(log.nearest?.row ?? [])], [-1, 0, -1, -1, -1]);
  assert.equal(log.nearest?.score[1], 0.5);
  assert.equal(log.kind, undefined);
  assert.equal(log.blocks, undefined);
});

test("openai: invalidations, failures and events of other kinds", async () => {
  const { log, report } = await read(
    jsonLines([
      { time: t0, request: "k1" },
      { time: t0 + 1, event: "invalidate", request: "k1" },
      { time: t0 + 2, event: "invalidate-all" },
      { time: t0 + 3, event: "started" },
      { time: t0 + 4, request: "k1", status: 503 },
      { time: t0 + 5, event: "request", request: "k1" },
    ]),
  );
  const { request, dropKey, dropAll } = rowKind;
  assert.deepEqual([...(log.kind ?? [])], [request, dropKey, dropAll, request]);
  assert.equal(log.key[0], log.key[1]);
  assert.deepEqual(report.notes, { "event of another kind": 1, "failed request": 1 });
});

test("openai: an invalidation of all is its tenant's and model's alone, where it names them", async () => {
  const { log, report } = await read(
    jsonLines([
      { time: t0, tenant: "a", model: "m", request: "k" },
      { time: t0 + 1, tenant: "a", model: "n", request: "k" },
      { time: t0 + 2, tenant: "b", model: "m", request: { messages: hello } },
      { time: t0 + 3, tenant: "a", event: "invalidate-all" },
      { time: t0 + 4, model: "m", event: "invalidate-all" },
      { time: t0 + 5, tenant: "b", model: "n", event: "invalidate-all" },
    ]),
  );
  const { request, dropScope } = rowKind;
  assert.deepEqual([...(log.kind ?? [])], [request, request, request, ...Array(4).fill(dropScope)]);
  assert.deepEqual([...log.key], [0, 1, 2, 0, 1, 0, 2]);
  assert.deepEqual(report.notes, { "invalidation of what is not in the log before it": 1 });
});

test("openai: requests whose answers may not be stored are left out and counted, or kept", async () => {
  const rules = ["cacheable", "sampled", "no-cache", "no-store", "tools", "sampled", "of another logger"];
  const text = jsonLines(
    rules.map((rule, i) => ({ time: t0 + i, event: "request", request: `k${i}`, status: 200, rule })),
  );
  const { log, report } = await read(text);
  assert.deepEqual([log.rows, report.ruled], [3, 2]);
  const left = (rule: string) => `not cacheable (${rule}): left out (--keep-uncacheable keeps them)`;
  assert.deepEqual(report.notes, { [left("sampled")]: 2, [left("no-store")]: 1, [left("tools")]: 1 });
  const kept = await read(text, { keepUncacheable: true });
  assert.deepEqual([kept.log.rows, kept.report.ruled, kept.report.notes], [rules.length, 2, {}]);
  await assert.rejects(read(jsonLines([{ time: t0, request: "k", rule: "sampled" }])), {
    code: "EMPTY_LOG",
    hint: /1 × not cacheable \(sampled\).*--keep-uncacheable/,
  });
});

test("openai: bodies are the same whatever their order and delivery, near-duplicates only when normalised", async () => {
  const response = {
    usage: { prompt_tokens: 30, completion_tokens: 7, prompt_tokens_details: { cached_tokens: 10 } },
  };
  const requests = [
    { model: "m", messages: hello, temperature: 0 },
    {
      temperature: 0,
      messages: [{ content: "Hello there", role: "user" }],
      model: "m",
      stream: true,
      user: "u",
    },
    { model: "m", messages: [{ role: "user", content: " hello  THERE\n" }], temperature: 0 },
    { model: "m", messages: hello, temperature: 1 },
    { model: "m2", messages: hello, temperature: 0 },
  ];
  const { log } = await read(
    jsonLines(requests.map((request, i) => ({ created: t0 / 1000 + i, request, response }))),
  );
  assert.deepEqual([...log.key], [0, 0, 1, 2, 3]);
  assert.deepEqual([...log.normalisedKey], [0, 0, 0, 1, 2]);
  assert.deepEqual(log.models, ["", "m", "m2"]);
  assert.deepEqual([log.promptTokens[0], log.outputTokens[0], log.cachedTokens?.[0]], [30, 7, 10]);
  assert.equal(log.bytes[0], JSON.stringify(response).length);
});

test("openai: prefix blocks of texts are chained: equal up to where the prompts part", async () => {
  const prompt = (system: string, question: string): unknown => [
    { role: "system", content: system.repeat(100) },
    { role: "user", content: question },
  ];
  const { log } = await read(
    jsonLines([
      { request: { model: "m", messages: prompt("be kind ", "a") } },
      { request: { model: "m", messages: prompt("be kind ", "b") } },
      { request: { model: "m", messages: prompt("Be kind ", "a") } },
      { request: { model: "m2", messages: prompt("be kind ", "a") } },
    ]),
  );
  const { blocks } = log;
  assert.ok(blocks);
  assert.equal(blocks.tokensPerBlock, 64);
  assert.deepEqual([...blocks.start], [0, 3, 6, 9, 12]);
  assert.deepEqual([...blocks.ids], [0, 1, 2, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
});

test("openai: lines of the batch API, and refused ones", async () => {
  const body = { model: "m", messages: hello };
  const { log, report } = await read(
    jsonLines([
      { custom_id: "1", method: "POST", url: "/v1/chat/completions", body },
      {
        custom_id: "2",
        body,
        response: { status_code: 200, body: { usage: { prompt_tokens: 3, completion_tokens: 4 } } },
      },
      { custom_id: "3", body, response: { status_code: 429, body: {} } },
    ]),
  );
  assert.deepEqual([...log.promptTokens], [0, 3]);
  assert.deepEqual(report.notes, { "failed request": 1 });
});

const standardPayload = (i: number): unknown => ({
  id: `chatcmpl-${i}`,
  trace_id: "t",
  call_type: "acompletion",
  stream: false,
  response_cost: 0.001,
  status: "success",
  custom_llm_provider: "anthropic",
  total_tokens: 1120,
  prompt_tokens: 1100,
  completion_tokens: 20,
  startTime: t0 / 1000 + i,
  endTime: t0 / 1000 + i + 1.5,
  completionStartTime: t0 / 1000 + i + 0.5,
  response_time: 1.5,
  model: "claude-sonnet-4-5",
  model_group: "sonnet",
  api_base: "https://example.invalid",
  cache_hit: null,
  cache_key: null,
  metadata: {
    user_api_key_team_id: "team",
    usage_object: {
      prompt_tokens: 1100,
      completion_tokens: 20,
      cache_read_input_tokens: 900,
      cache_creation_input_tokens: 100,
    },
  },
  messages: hello,
  model_parameters: { max_tokens: 10 },
  response: { choices: [] },
});

test("litellm: logging payloads, cached tokens as a part of the prompt", async () => {
  const failed = { ...Object(standardPayload(9)), status: "failure" };
  const { log, report } = await read(jsonLines([standardPayload(0), standardPayload(1), failed]));
  assert.equal(report.format, "litellm");
  assert.deepEqual([log.rows, log.keys], [2, 1]);
  assert.deepEqual([log.promptTokens[0], log.outputTokens[0]], [1100, 20]);
  assert.deepEqual([log.cachedTokens?.[0], log.cacheWriteTokens?.[0]], [900, 100]);
  assert.deepEqual([log.latencyMs[0], log.timeMs[1], log.wallStartMs], [1500, 1000, t0]);
  assert.deepEqual(log.models, ["claude-sonnet-4-5"]);
  assert.deepEqual(report.notes, { "failed request": 1 });
});

test("litellm: spend logs as one array or as CSV, without bodies by the tool's own hash", async () => {
  const row = (id: string, cacheKey: string): Record<string, unknown> => ({
    request_id: id,
    call_type: "acompletion",
    api_key: "88dc",
    spend: 0.1,
    total_tokens: 30,
    prompt_tokens: 10,
    completion_tokens: 20,
    startTime: "2026-11-23T06:20:11.123Z",
    endTime: "2026-11-23T06:20:12.123+00:00",
    model: "gpt-4o",
    cache_hit: "False",
    cache_key: cacheKey,
    messages: "{}",
    response: "{}",
    metadata: '{"status": "success"}',
  });
  const rows = [row("1", "abc"), row("2", "abc"), row("3", "Cache OFF"), row("4", "Cache OFF")];
  const csv = [Object.keys(row("", "")), ...rows.map((values) => Object.values(values))]
    .map((fields) => fields.map((field) => `"${String(field).replaceAll('"', '""')}"`).join(","))
    .join("\r\n");
  for (const content of [JSON.stringify(rows), JSON.stringify(rows, null, 2), csv]) {
    const { log, report } = await read(content);
    assert.deepEqual([report.format, report.records, report.malformed, log.rows], ["litellm", 4, 0, 4]);
    assert.equal(log.keys, 3);
    assert.deepEqual(report.notes, { "request without a body: taken for different from all others": 2 });
    assert.deepEqual(
      [log.promptTokens[0], log.outputTokens[0], log.latencyMs[0], log.bytes[0]],
      [10, 20, 1000, 0],
    );
  }
});

test("langfuse: blob storage rows, buckets that do not overlap and ones that do", async () => {
  const row = (usage: unknown, more: unknown = {}): unknown => ({
    id: "o",
    trace_id: "t",
    project_id: "p",
    environment: "default",
    type: "GENERATION",
    parent_observation_id: "",
    start_time: "2026-11-23 06:20:11.123000",
    end_time: "2026-11-23 06:20:12.623000",
    name: "chat",
    level: "DEFAULT",
    input: JSON.stringify(hello),
    output: "Hi",
    provided_model_name: "gpt-4o",
    model_parameters: '{"temperature":0.7}',
    usage_details: usage,
    latency: 1.5,
    ...Object(more),
  });
  const { log, report } = await read(
    jsonLines([
      row({ input: 86, input_cached_tokens: 900, output: 14, total: 1000 }),
      row({ input: 986, input_cached_tokens: 900, output: 14, total: 1000 }),
      row({ input: 10, cache_read_input_tokens: 20, cache_creation_input_tokens: 30, output: 5, total: 65 }),
      row({}, { type: "SPAN" }),
      row({}, { level: "ERROR" }),
    ]),
  );
  assert.equal(report.format, "langfuse");
  assert.deepEqual([...log.promptTokens], [986, 986, 60]);
  assert.deepEqual([...log.outputTokens], [14, 14, 5]);
  assert.deepEqual([...(log.cachedTokens ?? [])], [900, 900, 20]);
  assert.deepEqual([...(log.cacheWriteTokens ?? [])], [0, 0, 30]);
  assert.deepEqual([log.keys, log.wallStartMs, log.latencyMs[0], log.bytes[0]], [1, t0, 1500, 2]);
  assert.deepEqual(report.notes, { "span or event": 1, "failed request": 1 });
});

test("langfuse: an array from the UI, in camel case", async () => {
  const row = {
    id: "o",
    traceId: "t",
    type: "GENERATION",
    startTime: "2026-11-23T06:20:11.123Z",
    endTime: null,
    latency: 2,
    level: "DEFAULT",
    model: "gpt-4o",
    modelParameters: { temperature: 0 },
    input: { messages: hello },
    output: { role: "assistant", content: "Hi" },
    usageDetails: { input: 5, output: 1, total: 6 },
  };
  const { log, report } = await read(JSON.stringify([row, row], null, 1));
  assert.deepEqual(
    [report.format, log.rows, log.keys, log.promptTokens[0], log.latencyMs[1]],
    ["langfuse", 2, 1, 5, 2000],
  );
  assert.deepEqual(log.models, ["gpt-4o"]);
});

test("helicone: newest first, usage of the answer before the tool's own count", async () => {
  const row = (second: number, more: unknown): unknown => ({
    response_id: "r",
    response_created_at: "2026-11-23T06:21:00Z",
    response_status: 200,
    request_id: "q",
    request_path: "/v1",
    request_created_at: `2026-11-23T06:20:${second}.123+00:00`,
    request_model: "gpt-4o",
    provider: "OPENAI",
    delay_ms: 700,
    prompt_tokens: 100,
    prompt_cache_read_tokens: 900,
    prompt_cache_write_tokens: 0,
    completion_tokens: 20,
    total_tokens: 120,
    request_body: { model: "gpt-4o", messages: hello },
    ...Object(more),
  });
  const usage = { prompt_tokens: 1000, completion_tokens: 21, prompt_tokens_details: { cached_tokens: 896 } };
  const content = [row(13, { response_status: 500 }), row(12, {}), row(11, { response_body: { usage } })];
  for (const text of [
    jsonLines(content),
    `[\n${content.map((record) => JSON.stringify(record, null, 2)).join(",\n")}\n]\n`,
  ]) {
    const { log, report } = await read(text);
    assert.equal(report.format, "helicone");
    assert.deepEqual([...log.promptTokens], [1000, 1000]);
    assert.deepEqual([...log.outputTokens], [21, 20]);
    assert.deepEqual([...(log.cachedTokens ?? [])], [896, 900]);
    assert.deepEqual([log.keys, log.timeMs[1], log.latencyMs[0], log.wallStartMs], [1, 1000, 700, t0]);
    assert.deepEqual(report.notes, { "failed request": 1 });
  }
});

test("helicone: its CSV", async () => {
  const text = [
    "response_id,response_created_at,response_status,request_created_at,request_body,request_properties,request_user_id,model,prompt_tokens,completion_tokens,latency,cost",
    '"r","2026-11-23T06:20:12Z","200","2026-11-23T06:20:11.123Z","{""messages"":[{""role"":""user"",""content"":""a,\nb""}]}","{}",,"gpt-4o","10","2","350","0.1"',
  ].join("\n");
  const { log, report } = await read(text);
  assert.deepEqual(
    [report.format, report.records, log.rows, log.promptTokens[0], log.latencyMs[0]],
    ["helicone", 1, 1, 10, 350],
  );
  assert.deepEqual(log.models, ["gpt-4o"]);
});

/** Two clients, the first twice; in another tenant the same name is someone else. */
const clientLogs: Readonly<Record<string, string>> = {
  "openai, by client": jsonLines(
    ["a", "b", "a"].map((client, i) => ({ time: t0 + i, client, user: "x", request: `k${i}` })),
  ),
  "openai, by the body's user": jsonLines(
    ["a", "b", "a"].map((user, i) => ({
      time: t0 + i,
      request: { model: "m", messages: hello, user, n: i },
    })),
  ),
  "openai, by the body's safety_identifier": jsonLines(
    ["a", "b", "a"].map((safety_identifier, i) => ({
      time: t0 + i,
      request: { model: "m", messages: hello, safety_identifier, n: i },
    })),
  ),
  litellm: jsonLines(
    ["a", "b", "a"].map((end_user, i) => ({
      call_type: "acompletion",
      startTime: (t0 + i) / 1000,
      endTime: (t0 + i + 1) / 1000,
      model: "m",
      messages: hello,
      end_user,
    })),
  ),
  langfuse: jsonLines(
    ["a", "b", "a"].map((userId, i) => ({
      traceId: `t${i}`,
      type: "GENERATION",
      startTime: new Date(t0 + i).toISOString(),
      model: "m",
      input: hello,
      userId,
    })),
  ),
  "langfuse, by session": jsonLines(
    ["a", "b", "a"].map((session_id, i) => ({
      trace_id: `t${i}`,
      type: "GENERATION",
      start_time: new Date(t0 + i).toISOString(),
      provided_model_name: "m",
      input: hello,
      session_id,
    })),
  ),
  helicone: jsonLines(
    ["a", "b", "a"].map((request_user_id, i) => ({
      request_created_at: new Date(t0 + i).toISOString(),
      request_model: "m",
      request_body: { messages: hello },
      request_user_id,
    })),
  ),
  csv: "time,user_id,model,prompt\n1,a,m,x\n2,b,m,x\n3,a,m,x\n",
};

for (const [name, content] of Object.entries(clientLogs)) {
  test(`${name}: who asked is told apart, and no part of the request`, async () => {
    const { log } = await read(content);
    assert.deepEqual([...(log.client ?? [])], [0, 1, 0]);
    if (!name.startsWith("openai")) assert.equal(log.keys, 1);
  });
}

test("a row that names no client is one of its own, and a name is another client in another tenant", async () => {
  const lines = [
    { tenant: "a", client: "x" },
    { tenant: "a" },
    { tenant: "b", client: "x" },
    { tenant: "b" },
    { tenant: "a", client: "x" },
  ].map((line, i) => ({ time: t0 + i, request: "k", ...line }));
  const { log } = await read(jsonLines(lines));
  assert.deepEqual([...(log.client ?? [])], [0, 2, 1, 3, 0]);
});

test("each key has the scope of its tenant and model, whatever invalidates between", async () => {
  const { log } = await read(
    jsonLines([
      { time: t0, tenant: "a", model: "m", request: "k" },
      { time: t0 + 1, tenant: "b", model: "m", request: "k" },
      { time: t0 + 2, event: "invalidate", request: "k" },
      { time: t0 + 3, event: "invalidate-all" },
      { time: t0 + 4, tenant: "b", model: "n", request: "k" },
      { time: t0 + 5, tenant: "b", model: "m", request: "other" },
    ]),
  );
  assert.deepEqual([...log.key], [0, 1, 0, 1, 0, 2, 3]);
  assert.deepEqual([...(log.keyScope ?? [])], [0, 1, 2, 1]);
});

test("a record of an array that is not JSON is counted with its line, and the rest is read", async () => {
  const row = { request_created_at: "2026-11-23T06:20:11Z", request_body: { messages: hello } };
  const { log, report } = await read(`[\n${JSON.stringify(row)},\n{"a": nope},\n${JSON.stringify(row)}\n]`, {
    mostMalformedShare: 0.5,
  });
  assert.deepEqual([log.rows, report.malformed, report.malformedExamples[0]?.line], [2, 1, 3]);
});

test("csv: columns by their names, quoted texts, bad rows told by line", async () => {
  const text = [
    "Timestamp;Team;Model;Prompt;Input tokens;Output tokens;Latency (ms)",
    '2026-11-23 06:20:11.123;a;m;"Hello; ""there""\nfriend";10;2;99.5',
    "2026-11-23 06:20:12.123;a;m;HELLO;10;2;",
    "soon;a;m;x;10;2;1",
    "2026-11-23 06:20:13.123;a;m;x;many;2;1",
    "2026-11-23 06:20:13.123;a;m",
  ].join("\r\n");
  const { log, report } = await read(text, { mostMalformedShare: 1 });
  assert.deepEqual(
    [report.format, report.records, report.malformed, log.rows, log.keys],
    ["csv", 5, 3, 2, 2],
  );
  assert.deepEqual(
    report.malformedExamples.map(({ line }) => line),
    [5, 6, 7],
  );
  assert.deepEqual([log.wallStartMs, log.timeMs[1], log.latencyMs[0]], [t0, 1000, 99.5]);
  assert.ok(Number.isNaN(log.latencyMs[1]));
});

test("csv: columns by the user's map, by name or by position", async () => {
  const named = "when,what,how_long\n1700000000,a,2\n1700000001,a,3\n";
  const byName = await read(named, {
    format: "csv",
    columns: { time: "when", request: "what", latencySeconds: "how_long" },
  });
  assert.deepEqual(
    [byName.log.rows, byName.log.keys, byName.log.latencyMs[1], byName.log.timeMs[1]],
    [2, 1, 3000, 1000],
  );
  const bare = await read("1700000000,a,2\n1700000001,a,3\n", {
    format: "csv",
    columns: { time: "1", request: "2", bytes: "3" },
  });
  assert.deepEqual([bare.log.rows, bare.log.keys, bare.log.bytes[1]], [2, 1, 3]);
  await assert.rejects(read(named, { format: "csv", columns: { time: "whn" } }), { code: "BAD_COLUMN_MAP" });
});

test("csv: a stray quote costs its own line", async () => {
  const rows = Array.from({ length: 10 }, (_, i) => `170000000${i},k${i},${i === 4 ? '"' : ""}5`);
  const { log, report } = await read(`time,request,tokens\n${rows.join("\n")}\n`, {
    mostMalformedShare: 0.2,
  });
  assert.deepEqual([log.rows, report.malformed, report.malformedExamples[0]?.line], [9, 1, 6]);
});

test("mooncake: a prompt's key is its chain of blocks", async () => {
  const row = (timestamp: number, ids: unknown): unknown => ({
    timestamp,
    input_length: 1000,
    output_length: 5,
    hash_ids: ids,
  });
  const { log, report } = await read(
    jsonLines([row(0, [7, 9]), row(5, [7, 8]), row(9, [7, 9]), row(10, "7")]),
    { mostMalformedShare: 1 },
  );
  assert.deepEqual([report.format, report.malformed], ["mooncake", 1]);
  assert.deepEqual([...log.key], [0, 1, 0]);
  assert.deepEqual([...(log.blocks?.ids ?? [])], [0, 1, 0, 2, 0, 1]);
  assert.deepEqual([...log.timeMs], [0, 5, 9]);
});

test("lirs: markers are passed over; arc: ranges are spread out", async () => {
  const lirs = await read("5\n*\n7\n5\nx\n", { mostMalformedShare: 1, format: "lirs" });
  assert.deepEqual([...lirs.log.key], [0, 1, 0]);
  assert.deepEqual([lirs.report.notes, lirs.report.malformed], [{ marker: 1 }, 1]);
  const arc = await read("10 3 0 0\n11 2 0 1\n");
  assert.equal(arc.report.format, "arc");
  assert.deepEqual([...arc.log.key], [0, 1, 2, 1, 2]);
});

test("vscsi: version 2 of the record; oracle-general: a record cut off is malformed", async () => {
  const record = (version: number, block: bigint): Buffer => {
    const bytes = Buffer.alloc(40);
    bytes.writeUInt16LE(version, 2);
    bytes.writeUInt32LE(4096, 8);
    bytes.writeBigUInt64LE(block, 16);
    bytes.writeBigUInt64LE(5000n + block, 24);
    return bytes;
  };
  const vscsi = await read(Buffer.concat([1n, 2n, 3n, 4n, 5n, 5n].map((block) => record(2 << 8, block))));
  assert.deepEqual(
    [vscsi.report.format, vscsi.log.rows, vscsi.log.keys, vscsi.log.bytes[0]],
    ["vscsi", 6, 5, 4096],
  );
  assert.ok(Math.abs((vscsi.log.timeMs[1] ?? 0) - 0.001) < 1e-9);

  const oracle = Buffer.alloc(24 * 3 + 7);
  for (let i = 0; i < 3; i++) {
    oracle.writeUInt32LE(i, 24 * i);
    oracle.writeBigUInt64LE(2n ** 40n + BigInt(i % 2), 24 * i + 4);
    oracle.writeUInt32LE(100, 24 * i + 12);
    oracle.writeBigInt64LE(i === 0 ? 2n : -1n, 24 * i + 16);
  }
  const general = await read(oracle, { mostMalformedShare: 0.5 });
  assert.deepEqual(
    [general.report.format, general.log.rows, general.log.keys, general.report.malformed],
    ["oracle-general", 3, 2, 1],
  );
});

test("an answer from a cache keeps its row, and its latency is left out", async () => {
  const { log } = await read(
    jsonLines([
      { time: t0, request: "k", latencyMs: 800, cache: "miss" },
      { time: t0 + 1, request: "k", latencyMs: 2, cache: "hit" },
      { time: t0 + 2, request: "k", latencyMs: 2, cache_hit: true },
    ]),
  );
  assert.deepEqual([...log.latencyMs], [800, Number.NaN, Number.NaN]);
  const hit = { ...Object(standardPayload(1)), cache_hit: true };
  const { log: litellm, report } = await read(jsonLines([standardPayload(0), hit]));
  assert.deepEqual([...litellm.latencyMs], [1500, Number.NaN]);
  assert.deepEqual(report.notes, { "answered from a cache: its latency left out": 1 });
});

test("openai: null says as much as no member", async () => {
  const body = { model: "m", messages: hello };
  const nulls = { event: null, nearest: null, response: null, model: null, time: null };
  const { log, report } = await read(jsonLines([{ ...nulls, created: t0 / 1000, request: null, body }]));
  assert.deepEqual([log.rows, report.malformed, report.notes], [1, 0, {}]);
  assert.deepEqual([log.wallStartMs, log.models[log.model[0] ?? 0]], [t0, "m"]);
});

test("openai: times that are none are malformed, latencies below zero are counted", async () => {
  const times = ["soon", -5, true, "2026-13-01T00:00:00.000Z", "2026-02-30T00:00:00.000Z"];
  const records = times.map((time): unknown => ({ time, request: "k" }));
  const { log, report } = await read(
    jsonLines([{ time: t0, request: "k", latencyMs: -1, model: "m" }, ...records]),
    { mostMalformedShare: 1, format: "openai" },
  );
  assert.deepEqual([log.rows, report.malformed], [1, times.length]);
  assert.ok(Number.isNaN(log.latencyMs[0]));
  assert.deepEqual(report.notes, { "latency below zero: left out": 1 });
});

test("openai: an invalidation without tenant, model or normalised hits what was asked, or is counted", async () => {
  const body = { messages: hello };
  const { log, report } = await read(
    jsonLines([
      { time: t0, tenant: "a", model: "m", request: "k1", normalised: "n" },
      { time: t0 + 1, tenant: "b", model: "m", request: "k1", normalised: "n" },
      { time: t0 + 2, tenant: "b", model: "m", request: body },
      { time: t0 + 3, event: "invalidate", request: "k1" },
      { time: t0 + 4, event: "invalidate", tenant: "b", request: "k1" },
      { time: t0 + 5, event: "invalidate", request: body },
      { time: t0 + 6, event: "invalidate", request: "never" },
    ]),
  );
  assert.deepEqual([...log.key], [0, 1, 2, 0, 1, 1, 2]);
  assert.deepEqual([...(log.kind ?? [])].map(Boolean), [false, false, false, true, true, true, true]);
  for (let row = 3; row < log.rows; row++) {
    assert.equal(log.normalisedKey[row], log.normalisedKey[log.key[row] ?? -1]);
  }
  assert.deepEqual(report.notes, { "invalidation of a request that is not in the log before it": 1 });
});

test("openai: the response fills each count that the line leaves open", async () => {
  const response = {
    usage: { prompt_tokens: 30, completion_tokens: 7, prompt_tokens_details: { cached_tokens: 10 } },
  };
  const { log } = await read(
    jsonLines([
      { time: t0, request: "a", promptTokens: 31, status: 200, response },
      { time: t0, request: "b", outputTokens: 8, response },
    ]),
  );
  assert.deepEqual([...log.promptTokens], [31, 30]);
  assert.deepEqual([...log.outputTokens], [7, 8]);
  assert.deepEqual([...(log.cachedTokens ?? [])], [10, 10]);
});

test("openai: lines laid out alike give what lines give that are each laid out in another way", async () => {
  const members = (i: number): [string, unknown][] => [
    ["time", i % 41 === 7 ? "never" : i % 2 === 0 ? t0 + i : new Date(t0 + i).toISOString()],
    ["event", ["request", "request", "models", "requests", "reyuest"][i % 5]],
    ["tenant", `team-${i % 3}`],
    ["client", `c${i % 5}`],
    ["model", i % 19 === 3 ? 'm"x' : `m${i % 2}`],
    ["request", `${"k".repeat(1 + (i % 40))}${i % 11}`],
    ["promptTokens", i % 23 === 4 ? -5 : 10.4 * i],
    ["cachedTokens", i % 9],
    ["cacheWriteTokens", i % 4],
    ["outputTokens", i % 29 === 5 ? 1e12 : i],
    ["latencyMs", i % 31 === 2 ? -1 : 1.5 * i],
    ["status", i % 17 === 1 ? 503 : 200],
    ["cache", i % 13 === 0 ? "hit" : "miss"],
    ["responseBytes", 7 * i],
    ["level", 30],
    ["pid", i],
  ];
  // By halves, so that a time is a number in all lines of a stretch, or a text in all.
  const rows = [0, 1].flatMap((odd) => Array.from({ length: 200 }, (_, i) => members(2 * i + odd)));
  const [alike, each] = await Promise.all(
    [
      rows.map((row) => Object.fromEntries(row)),
      rows.map((row, i) => Object.fromEntries([...row.slice(i % 16), ...row.slice(0, i % 16)])),
    ].map((lines) => read(jsonLines(lines), { mostMalformedShare: 0.1 })),
  );
  assert.ok(alike !== undefined && each !== undefined && alike.report.malformed > 3);
  assert.deepEqual({ ...each.log, name: "" }, { ...alike.log, name: "" });
  assert.deepEqual({ ...each.report, malformedExamples: [] }, { ...alike.report, malformedExamples: [] });
});

test("openai: a name is the same with escapes and without", async () => {
  const { log } = await read(
    '{"time":1,"request":"k\\u0031/a"}\n{"time":2,"request":"k1\\/a"}\n{"time":3,"request":"k1/a"}\n',
  );
  assert.deepEqual([...log.key], [0, 0, 0]);
  assert.equal(log.blocks, undefined);
});

test("prefix blocks hold what an engine reads, by whatever name the API has for it", async () => {
  const long = "word ".repeat(100);
  const requests = [
    { model: "m", instructions: long, input: "a" },
    { model: "m", contents: [{ parts: [{ text: long }] }] },
    { model: "m", systemInstruction: { parts: [{ text: long }] }, contents: [] },
  ];
  const { log } = await read(jsonLines(requests.map((request, i) => ({ time: t0 + i, request }))));
  assert.deepEqual([...(log.blocks?.start ?? [])], [0, 1, 3, 5]);
});

test("csv: an input that is a number counts tokens, and an id tells no requests apart", async () => {
  const { log } = await read("id,time,input,output_tokens\n7,1,100,5\n7,2,100,6\n");
  assert.deepEqual([log.keys, ...log.promptTokens, ...log.outputTokens], [2, 100, 100, 5, 6]);
});

test("csv: what is wrong with a map quotes no data", async () => {
  const options: ReadOptions = { format: "csv", columns: { time: "time" } };
  await assert.rejects(read("1,What is my salary?\n2,b\n", options), (thrown) => {
    assert.ok(thrown instanceof Error);
    assert.doesNotMatch(JSON.stringify({ ...thrown }) + thrown.message, /salary/);
    return true;
  });
});

test("models' names hold no control characters", async () => {
  const { log } = await read(jsonLines([{ time: t0, request: "k", model: "m\u001b[31m" }]));
  assert.deepEqual(log.models, ["m[31m"]);
});

test("csv: columns that are told say that it is CSV; semicolons leave the comma to the decimals", async () => {
  const text = "Frage;Dauer (s)\nx;0,85\ny;lange\nz;1.5\n";
  const { log, report } = await read(text, { columns: { request: "Frage", latencySeconds: "Dauer (s)" } });
  assert.deepEqual([report.format, report.guessed, log.rows], ["csv", false, 3]);
  assert.deepEqual([...log.latencyMs], [850, Number.NaN, 1500]);
  assert.deepEqual(report.notes, { "latency that is no number: left out": 1 });
});

test("csv without a known column is refused, and the hint tells names, but no data", async () => {
  const hintOf = (header: string) =>
    read(`${header}\n2,3,4\n`, { format: "csv" }).then(
      () => "",
      (thrown: unknown) => (thrown instanceof LogError ? (thrown.hint ?? "") : String(thrown)),
    );
  assert.match(
    await hintOf("When,Their words,Took (s)"),
    /3 columns: When, Their words, Took \(s\)\. .*--columns/,
  );
  assert.match(await hintOf("1790000000,secret words,0.5"), /3 columns\. .*--columns/);
});

test("where the format cannot be told, the hint says what the log looks like", async () => {
  const hintOf = (content: string) =>
    read(content).then(
      () => "",
      (thrown: unknown) => (thrown instanceof LogError ? (thrown.hint ?? "") : String(thrown)),
    );
  assert.match(await hintOf("Wann;Frage\n1;x\n2;y\n"), /looks like CSV.*--columns/);
  assert.match(await hintOf('{"question":"secret"}\n'), /JSON objects, with none of "request"/);
  assert.match(await hintOf("hello\nworld\n"), /^Name it: --format /);
  assert.doesNotMatch(await hintOf('{"question":"secret"}\n'), /secret/);
});

test("openai-body: the request's members stand at the top, the answer and the logger's own beside them", async () => {
  const line = (at: number, members: object) => ({
    created: t0 / 1000 + at,
    model: "m",
    messages: hello,
    ...members,
  });
  const answer = { role: "assistant", content: "Good day" };
  const { log, report } = await read(
    jsonLines([
      line(0, {
        id: "1",
        temperature: 0,
        usage: { prompt_tokens: 9, completion_tokens: 3 },
        duration_ms: 800,
      }),
      line(1, {
        id: "2",
        temperature: 0,
        user: "x",
        response: { usage: { prompt_tokens: 9, completion_tokens: 3 } },
      }),
      line(2, { temperature: 0, messages: [...hello, answer] }),
      line(3, { temperature: 0.5, error: false }),
      line(3, { temperature: 0.5, system: "Be brief" }),
      line(4, { error: { message: "overloaded" } }),
      { created: t0 / 1000 + 5, model: "m" },
    ]),
  );
  assert.deepEqual([report.format, log.rows, log.wallStartMs], ["openai-body", 5, t0]);
  assert.deepEqual([...log.key], [0, 0, 0, 1, 2]);
  assert.deepEqual(
    [[...log.promptTokens], [...log.outputTokens]],
    [
      [9, 9, 0, 0, 0],
      [3, 3, 0, 0, 0],
    ],
  );
  assert.deepEqual(log.latencyMs[0], 800);
  assert.equal(log.bytes[2], JSON.stringify(answer).length);
  assert.deepEqual(report.notes, { "failed request": 1, "record without messages or prompt": 1 });
});

test("openai: a latency by the names that others give it", async () => {
  const { log } = await read(
    jsonLines([
      { time: t0, request: "a", latency_ms: 5 },
      { time: t0, request: "a", duration_ms: 7 },
      { time: t0, request: "a", latencyMs: 1, duration_ms: 7 },
    ]),
  );
  assert.deepEqual([...log.latencyMs], [5, 7, 1]);
});

test("litellm: a cache key in place of the messages tells requests apart, and is no text", async () => {
  const embedded: unknown[] = [];
  const record = (at: number, cacheKey: string) => ({
    call_type: "acompletion",
    startTime: t0 / 1000 + at,
    endTime: t0 / 1000 + at + 1,
    model: "m",
    cache_key: cacheKey,
  });
  const { log } = await read(jsonLines([record(0, "aB"), record(1, "ab"), record(2, "aB")]), {
    requests: { add: (_key, request) => embedded.push(request), flush: async () => {} },
  });
  assert.deepEqual([[...log.key], log.normalisedKeys, embedded], [[0, 1, 0], 2, []]);
});
