import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import fc from "fast-check";
import { dependencies, freshQuestion, keyOf } from "../testing/dependencies.ts";
import { askUntilHit, askWith, invalidate, knows } from "../testing/invalidating.ts";
import { eventually } from "../testing/redis-cluster.ts";
import { requestFor } from "../testing/service-under-test.ts";

const given = dependencies();
const keys = { BW_API_KEYS: "a:key-a,b:key-b", BW_ADMIN_KEYS: "admin-key" };
const as = (key: string) => ({ authorization: `Bearer ${key}` });
const tagged = (tags: string) => ({ "x-cache-tags": tags });

const targets: Record<string, (question: string) => unknown> = {
  key: (question) => ({ key: keyOf(question) }),
  request: (question) => ({ request: { ...requestFor(question), stream: true } }),
  tag: () => ({ tag: "faq" }),
  model: () => ({ model: "llama-3-8b" }),
  tenant: () => ({ tenant: true }),
};

for (const [kind, target] of Object.entries(targets)) {
  test(`by ${kind}: neither replica serves the answer any more, and both serve the next one`, async () => {
    await using first = await given.start();
    await using second = await given.start();
    const tags = tagged("faq, other");
    const question = freshQuestion();
    const { provenance: old } = await askUntilHit(first, question, tags);
    await askUntilHit(second, question, tags);

    const reply = await invalidate(first, target(question));
    assert.equal(reply.status, 200, reply.text);
    const next = await askWith(first, question, tags);
    assert.deepEqual([next.cache, next.provenance === old], ["miss", false]);
    assert.equal(await first.metric('cache_invalidated_total{cache="answers",tier="redis"}'), 1);
    await knows(second, reply.sequence);
    assert.notEqual((await askWith(second, question, tags)).provenance, old);
    for (const service of [first, second]) {
      const hit = await askUntilHit(service, question, tags);
      assert.notEqual(hit.provenance, old);
    }
  });
}

test("the key is told with each answer: new or stored, plain or as a stream; by it the answer is invalidated", async () => {
  await using service = await given.start();
  const question = freshQuestion();
  const stream = () => service.ask(question, { stream: true });
  const replies = [await askWith(service, question), await askUntilHit(service, question), await stream()];
  const keys = replies.map(({ key }) => key);
  assert.deepEqual(keys, [keyOf(question), keyOf(question), keyOf(question)]);
  assert.equal((await invalidate(service, { key: keys[0] })).status, 200);
  assert.equal((await stream()).cache, "miss");
});

test("by request, embeddings: those of its inputs are made anew, and no others", async () => {
  await using service = await given.start();
  const model = "embed-256";
  const embed = async (input: readonly string[]) => {
    const response = await fetch(`${service.url}/v1/embeddings`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model, input }),
    });
    await response.arrayBuffer();
    return response.headers.get("x-cache");
  };
  const [one = "", two = "", three = ""] = Array.from({ length: 3 }, freshQuestion);
  const isStored = (input: string) => eventually(async () => (await embed([input])) === "hit");
  for (const input of [one, two, three]) await isStored(input);
  const delivery = { encoding_format: "base64", user: "somebody" };
  const reply = await invalidate(service, { request: { model, input: [one, two, one], ...delivery } });
  assert.deepEqual([reply.status, reply.scopes.length], [200, 2]);
  given.model.requests.length = 0;
  assert.equal(await embed([one, two, three]), "miss");
  assert.deepEqual(
    given.model.requests.map(({ input }) => input),
    [[one, two]],
  );
  await isStored(one);
  await invalidate(service, { request: { model, input: one } });
  assert.equal(await embed([one]), "miss");
});

test("what was not meant goes on being served: other keys, other tags, another model", async () => {
  await using service = await given.start();
  const [one, other] = [freshQuestion(), freshQuestion()];
  await askUntilHit(service, one, tagged("one"));
  await askUntilHit(service, other, tagged("other"));
  for (const body of [{ key: keyOf(one) }, { tag: "one" }, { tag: "oth" }, { model: "llama-3" }])
    assert.equal((await invalidate(service, body)).status, 200);
  assert.equal((await askWith(service, other, tagged("other"))).cache, "hit");
  assert.equal((await askWith(service, one, tagged("one"))).cache, "miss");
});

test("a tenant reaches nobody else's answers, whatever it sends; an admin reaches a model's to everybody", async () => {
  await using service = await given.start(keys);
  const question = freshQuestion();
  for (const key of ["key-a", "key-b"])
    await askUntilHit(service, question, { ...as(key), ...tagged("faq") });
  const foreign = [
    { tenant: true },
    { tag: "faq" },
    { tag: "b:faq" },
    { model: "llama-3-8b" },
    { model: "*:llama-3-8b" },
    { key: keyOf(question, "b") },
    { request: requestFor(question) },
  ];
  for (const body of foreign) assert.equal((await invalidate(service, body, as("key-a"))).status, 200);
  const asked = (key: string) => askWith(service, question, { ...as(key), ...tagged("faq") });
  assert.equal((await asked("key-b")).cache, "hit");

  await askUntilHit(service, question, { ...as("key-a"), ...tagged("faq") });
  const all = await invalidate(service, { model: "llama-3-8b" }, as("admin-key"));
  assert.equal(all.status, 200);
  for (const key of ["key-a", "key-b"]) assert.equal((await asked(key)).cache, "miss");

  assert.equal((await invalidate(service, { tenant: true }, as("admin-key"))).code, "not_a_tenant");
  assert.equal((await invalidate(service, { tenant: true }, as("key-c"))).status, 401);
  assert.equal((await askWith(service, question, as("admin-key"))).status, 401);
});

test("a key that none can be is refused, and says where one is found", async () => {
  await using service = await given.start();
  const key = keyOf(freshQuestion());
  for (const wrong of [`b:${key}`, key.slice(0, -1), `${key}0`, "answer:xyz", ""]) {
    const reply = await invalidate(service, { key: wrong });
    assert.deepEqual([reply.status, reply.code], [400, "invalid_request"], wrong);
    assert.match(reply.text, /x-cache-key/);
  }
  for (const form of ["embedding:3:", "answer:12:"]) {
    const other = key.replace(/^.*:/, form);
    assert.equal((await invalidate(service, { key: other })).status, 200);
  }
});

test("an admin's requests are counted as such: for no tenant, nor as without a known key", async () => {
  await using service = await given.start({ ...keys, BW_API_KEYS: "admin:key-a,unknown:key-b" });
  const counted = async (tenant: string) => {
    const classes = ["2xx", "4xx"].map((status) =>
      service.metric(`tenant_requests_total{tenant="${tenant}",status_class="${status}"}`),
    );
    return Promise.all(classes);
  };
  await invalidate(service, { model: "llama-3-8b" }, as("admin-key"));
  await invalidate(service, { tenant: true }, as("admin-key"));
  await invalidate(service, { tenant: true }, as("key-c"));
  await eventually(async () => (await counted("_unknown"))[1] === 1);
  assert.deepEqual(await counted("_admin"), [1, 1]);
  assert.deepEqual(await counted("_unknown"), [0, 1]);
  for (const tenant of ["admin", "unknown"]) assert.deepEqual(await counted(tenant), [0, 0]);
});

test("an answer that was being made when it was invalidated is given to whoever asked, and to nobody later", async () => {
  await using service = await given.start();
  await using other = await given.start();
  const question = freshQuestion();
  given.model.delayMs = 500;
  const waiting = askWith(service, question);
  await eventually(() => given.model.requests.length === 1);
  const { sequence } = await invalidate(other, targets["request"]?.(question));
  await knows(service, sequence);
  // While it is still being made: nobody joins it, nor waits for it and takes it.
  const later = [askWith(service, question), askWith(other, question)];
  const answered = await waiting;
  assert.deepEqual([answered.status, answered.provenance], [200, "generation=1"]);
  for (const reply of await Promise.all(later)) {
    assert.equal(reply.status, 200);
    assert.notEqual(reply.provenance, "generation=1");
  }
  given.model.delayMs = 0;
  for (const each of [service, other]) {
    const reply = await askWith(each, question);
    assert.notEqual(reply.provenance, "generation=1");
  }
  assert.notEqual((await askUntilHit(service, question)).provenance, "generation=1");
});

test("an answer that was invalidated is not the fallback either", async () => {
  await using service = await given.start();
  const [one, other] = [freshQuestion(), freshQuestion()];
  await askUntilHit(service, one);
  await askUntilHit(service, other);
  await invalidate(service, targets["request"]?.(one));
  given.model.mode = "error";
  assert.equal((await askWith(service, one)).status, 502);
  assert.equal((await askWith(service, other)).status, 200);
});

test("marks are kept for as long as an answer may still be the fallback: dropping one invalidates no other", async () => {
  await using service = await given.start({ BW_CACHE_FRESH_MS: "1", BW_STALE_WHILE_REVALIDATE: "off" });
  const question = freshQuestion();
  await given.askAndStore(service, question);
  for (const tag of ["one", "two"]) {
    assert.equal((await invalidate(service, { tag })).status, 200);
    await delay(50);
  }
  given.model.mode = "error";
  assert.equal((await askWith(service, question)).stale, "if-error");
});

test("an answer without one of the request's tags does not serve it: its invalidation would not reach it", async () => {
  await using service = await given.start();
  const question = freshQuestion();
  await askUntilHit(service, question, tagged("one"));
  assert.equal((await askWith(service, question, tagged("one,two"))).cache, "miss");
  await askUntilHit(service, question, tagged("two,one"));
  assert.equal((await askWith(service, question)).cache, "hit");
  await invalidate(service, { tag: "two" });
  assert.equal((await askWith(service, question)).cache, "miss");
});

test("tags that cannot be kept are refused", async () => {
  await using service = await given.start();
  const many = Array.from({ length: 17 }, (_, i) => `t${i}`).join();
  for (const tags of ["a b", "", ",", "a,,b", "x".repeat(65), "f(a)", many]) {
    const reply = await askWith(service, freshQuestion(), tagged(tags));
    assert.deepEqual([reply.status, JSON.parse(reply.text).error.code], [400, "invalid_cache_tags"], tags);
  }
  assert.equal((await askWith(service, freshQuestion(), tagged(` ${many.slice(4)},t2 `))).status, 200);
});

test("a body that is no target is refused in OpenAI's way", async () => {
  await using service = await given.start({ BW_MAX_BODY_BYTES: "2000", BW_EMBEDDINGS_MAX_INPUTS: "2" });
  const cases: [body: unknown, status: number, code: string][] = [
    ["{", 400, "invalid_json"],
    [[], 400, "invalid_request"],
    [{}, 400, "invalid_request"],
    [{ tag: "a", model: "b" }, 400, "invalid_request"],
    [{ tag: "a", more: 1 }, 400, "invalid_request"],
    [{ tag: "a b" }, 400, "invalid_request"],
    [{ tag: null }, 400, "invalid_request"],
    [{ key: "" }, 400, "invalid_request"],
    [{ model: "x".repeat(201) }, 400, "invalid_request"],
    [{ tenant: false }, 400, "invalid_request"],
    [{ tenant: "b" }, 400, "invalid_request"],
    ['{"__proto__":{"tenant":true}}', 400, "invalid_request"],
    [{ request: {} }, 400, "invalid_request"],
    [{ request: { ...requestFor("x"), model: "gpt-9" } }, 404, "model_not_found"],
    [{ request: { model: "embed-256", input: [] } }, 400, "invalid_request"],
    [{ request: { model: "embed-256", input: ["a", "b", "c"] } }, 400, "invalid_request"],
    [{ request: { model: "embed-9", input: "a" } }, 404, "model_not_found"],
    [{ request: requestFor("x".repeat(3000)) }, 413, "body_too_large"],
  ];
  for (const [body, status, code] of cases) {
    const reply = await invalidate(service, body);
    assert.deepEqual([reply.status, reply.code], [status, code], JSON.stringify(body));
  }
});

test("whatever JSON is sent, the answer is 200 for a target and else 400 or 404, and the service lives", async () => {
  await using service = await given.start();
  const value = fc.oneof(
    fc.json(),
    fc.constantFrom("a", "faq:1", true, false, null, 1, {}, [], requestFor("x")),
  );
  const body = fc.oneof(
    fc.jsonValue(),
    fc.dictionary(fc.constantFrom("key", "request", "tag", "model", "tenant", "__proto__", "more"), value),
  );
  await fc.assert(
    fc.asyncProperty(body, async (sent) => {
      const reply = await invalidate(service, JSON.stringify(sent));
      assert([200, 400, 404].includes(reply.status), reply.text);
      if (reply.status === 200) assert.equal(reply.scopes.length, 1);
    }),
    { numRuns: 300 },
  );
  assert.equal((await service.get("/health/ready")).status, 200);
});

test("BW_INVALIDATION=off: there is no such route, and answers are served until they expire", async () => {
  await using service = await given.start({ BW_INVALIDATION: "off" });
  const question = freshQuestion();
  await askUntilHit(service, question, tagged("faq"));
  assert.equal((await invalidate(service, { tenant: true })).status, 404);
  assert.equal((await askWith(service, question)).cache, "hit");
});

test("without Redis an invalidation is the replica's own", async () => {
  await using service = await given.start({ BW_REDIS_NODES: "" });
  const first = await invalidate(service, { tenant: true });
  const second = await invalidate(service, { tenant: true });
  assert.deepEqual([first.status, second.status], [200, 200]);
  assert(second.sequence > first.sequence);
});

test("another model epoch makes every answer from before unreachable, and the old one's are still its own", async () => {
  await using old = await given.start({ BW_MODEL_EPOCH: "1" });
  const question = freshQuestion();
  const { provenance } = await askUntilHit(old, question);
  await using next = await given.start({ BW_MODEL_EPOCH: "2" });
  assert.equal((await askWith(next, question)).cache, "miss");
  assert.notEqual((await askUntilHit(next, question)).provenance, provenance);
  assert.equal((await askUntilHit(old, question)).provenance, provenance);
});
