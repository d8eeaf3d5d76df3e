import assert from "node:assert/strict";
import { test } from "node:test";
import { dependencies, freshQuestion, keyOf } from "../testing/dependencies.ts";
import { eventually } from "../testing/redis-cluster.ts";
import { requestFor, type ServiceUnderTest } from "../testing/service-under-test.ts";

const given = dependencies();
const keys = { BW_API_KEYS: "a:key-a,b:key-b", BW_ADMIN_KEYS: "admin-key" };

const as = (key: string) => ({ authorization: `Bearer ${key}` });

async function invalidate(service: ServiceUnderTest, body: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(`${service.url}/v1/cache/invalidate`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return { status: response.status, body: JSON.parse(await response.text()) };
}

/** Asks with tags until it is a hit: then it is stored. */
async function cached(service: ServiceUnderTest, question: string, headers: Record<string, string> = {}) {
  await eventually(async () => {
    const reply = await service.post(JSON.stringify(requestFor(question)), headers);
    return reply.cache === "hit";
  });
}

async function asked(service: ServiceUnderTest, question: string, headers: Record<string, string> = {}) {
  return (await service.post(JSON.stringify(requestFor(question)), headers)).cache;
}

const targets: readonly [kind: string, target: (question: string) => unknown][] = [
  ["key", (question) => ({ key: keyOf(question) })],
  ["request", (question) => ({ request: { ...requestFor(question), stream: true } })],
  ["tag", () => ({ tag: "faq" })],
  ["model", () => ({ model: "llama-3-8b" })],
  ["tenant", () => ({ tenant: true })],
];

for (const [kind, target] of targets) {
  test(`by ${kind}: neither replica serves it any more, and both serve the new answer`, async () => {
    await using first = await given.start();
    await using second = await given.start();
    const tags = { "x-cache-tags": "faq, other" };
    const question = freshQuestion();
    await cached(first, question, tags);
    await cached(second, question, tags);
    const before = await first.post(JSON.stringify(requestFor(question)), tags);

    const reply = await invalidate(first, target(question));
    assert.equal(reply.status, 200, JSON.stringify(reply.body));
    assert.equal(reply.body.object, "cache.invalidation");
    // At once where it was asked for; elsewhere as soon as the message came.
    const after = await first.post(JSON.stringify(requestFor(question)), tags);
    assert.equal(after.cache, "miss");
    assert.notEqual(after.provenance, before.provenance);
    await eventually(async () => (await second.metric("invalidation_sequence")) === reply.body.sequence);
    const there = await second.post(JSON.stringify(requestFor(question)), tags);
    assert.notEqual(there.provenance, before.provenance);
    await cached(first, question, tags);
    await cached(second, question, tags);
  });
}
