import assert from "node:assert/strict";
import { test } from "node:test";
import { createMetrics } from "./metrics.ts";

/** What is told of one metric: its samples without its name, in order. */
async function samplesOf({ text }: ReturnType<typeof createMetrics>, name: string): Promise<string[]> {
  const lines = (await text()).split("\n").filter((line) => new RegExp(`^${name}[{ ]`).test(line));
  return lines.map((line) => line.slice(name.length)).sort();
}

test("calls that were not made are counted, and have no duration: they would make a dead dependency look fast", async () => {
  const metrics = createMetrics();
  metrics.dependencyCall("model", "breaker-open", 0.001);
  metrics.dependencyCall("model", "bulkhead-full", 0.001);
  assert.deepEqual(await samplesOf(metrics, "dependency_call_duration_seconds_count"), []);
  metrics.dependencyCall("model", "timeout", 1.5);
  metrics.dependencyCall("model", "refused", 0.1);
  assert.deepEqual(await samplesOf(metrics, "dependency_call_duration_seconds_count"), [
    '{dependency="model"} 2',
  ]);
  assert.deepEqual(await samplesOf(metrics, "dependency_calls_total"), [
    '{dependency="model",outcome="breaker-open"} 1',
    '{dependency="model",outcome="bulkhead-full"} 1',
    '{dependency="model",outcome="refused"} 1',
    '{dependency="model",outcome="timeout"} 1',
  ]);
});

test("a duration counts below each edge that it does not exceed: the timeouts of Redis and the model are edges", async () => {
  const metrics = createMetrics();
  metrics.dependencyCall("redis-read", "timeout", 0.2);
  metrics.dependencyCall("model", "timeout", 1.5);
  const buckets = await samplesOf(metrics, "dependency_call_duration_seconds_bucket");
  const below = (edge: string, dependency: string) =>
    buckets.find((sample) => sample.startsWith(`{le="${edge}",dependency="${dependency}"}`))?.at(-1);
  assert.deepEqual([below("0.1", "redis-read"), below("0.2", "redis-read")], ["0", "1"]);
  assert.deepEqual([below("1", "model"), below("1.5", "model")], ["0", "1"]);
});

test("both caches are told of what they have in memory and what waits, as it is when it is asked for", async () => {
  const metrics = createMetrics();
  let entries = 1;
  metrics.watchMemory("answers", { bytes: () => 100 * entries, entries: () => entries });
  metrics.watchMemory("embeddings", { bytes: () => 7, entries: () => 3 });
  metrics.watchWriteBehind("answers", { waiting: () => ({ entries: 4, bytes: 40 }) });
  metrics.watchWriteBehind("embeddings", { waiting: () => ({ entries: 5, bytes: 50 }) });
  entries = 2;
  for (const [name, answers, embeddings] of [
    ["cache_memory_bytes", 200, 7],
    ["cache_memory_entries", 2, 3],
    ["cache_write_behind_entries", 4, 5],
    ["cache_write_behind_bytes", 40, 50],
  ] as const) {
    assert.deepEqual(
      await samplesOf(metrics, name),
      [`{cache="answers"} ${answers}`, `{cache="embeddings"} ${embeddings}`],
      name,
    );
  }
});

test("what is shed is told for each priority from the start, so that its first one is an increase", async () => {
  const metrics = createMetrics();
  const told = async () => (await samplesOf(metrics, "shed_requests_total")).sort();
  assert.deepEqual(await told(), ['{priority="high"} 0', '{priority="low"} 0', '{priority="normal"} 0']);
  metrics.shed("low");
  assert.deepEqual(await told(), ['{priority="high"} 0', '{priority="low"} 1', '{priority="normal"} 0']);
});

test("whoever shows no known key is one name in the metrics, and an admin another: neither can be a tenant", async () => {
  const metrics = createMetrics();
  metrics.tenantRequest({ tenant: undefined, isAdmin: false }, 401);
  metrics.tenantRequest({ tenant: undefined, isAdmin: true }, 200);
  metrics.tenantRequest({ tenant: "a", isAdmin: false }, 503);
  assert.deepEqual(await samplesOf(metrics, "tenant_requests_total"), [
    '{tenant="_admin",status_class="2xx"} 1',
    '{tenant="_unknown",status_class="4xx"} 1',
    '{tenant="a",status_class="5xx"} 1',
  ]);
});

test("invalidations: -1 as long as nothing is known, then an age in seconds", async () => {
  const metrics = createMetrics();
  let ageMs: number | undefined;
  metrics.watchInvalidations({ ageMs: () => ageMs, epoch: () => 9, markCount: () => 2 });
  const age = () => samplesOf(metrics, "invalidation_knowledge_age_seconds");
  assert.deepEqual(await age(), [" -1"]);
  ageMs = 2500;
  assert.deepEqual(await age(), [" 2.5"]);
  assert.deepEqual(await samplesOf(metrics, "invalidation_sequence"), [" 9"]);
  assert.deepEqual(await samplesOf(metrics, "invalidation_marks"), [" 2"]);
});
