import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { dependencies, freshQuestion, keyOf } from "../testing/dependencies.ts";
import { eventually } from "../testing/redis-cluster.ts";
import { ask, spawnService } from "../testing/service-process.ts";
import { type Reply, requestFor, type ServiceUnderTest } from "../testing/service-under-test.ts";

const given = dependencies();

/** What a thousand requests at once do to a busy machine is not what these tests are about. */
const patient = {
  ...{
    BW_DEADLINE_MS: "60000",
    BW_DEADLINE_MAX_MS: "60000",
    BW_DRAIN_MS: "60000",
    BW_MODEL_TIMEOUT_MS: "50000",
  },
  ...{ BW_SHED: "off", BW_TENANT_LIMIT: "off", BW_LEASE_MS: "30000", BW_LEASE_TIMEOUT_MS: "10000" },
  ...{ BW_REDIS_TIMEOUT_MS: "10000" },
};
const start = (env: Readonly<Record<string, string>> = {}) => given.start({ ...patient, ...env });

const many = (service: ServiceUnderTest, question: string, howMany: number) =>
  Array.from({ length: howMany }, (_, i) => service.ask(question, i % 10 === 0 ? { stream: true } : {}));

function countOf(replies: readonly Reply[], coalesced: string | null): number {
  return replies.filter((reply) => reply.coalesced === coalesced).length;
}

test("1,000 identical misses at once over two replicas: one call of the model", async () => {
  await using one = await start();
  await using other = await start();
  const held = Promise.withResolvers<void>();
  given.model.held = held.promise;
  const question = freshQuestion();
  const asking = Promise.all([...many(one, question, 500), ...many(other, question, 500)]);
  for (const replica of [one, other]) await eventually(() => waitingAt(replica, 500));
  held.resolve();
  const replies = await asking;
  assert(replies.every(({ status, provenance }) => status === 200 && provenance === "generation=1"));
  assert.equal(given.model.requests.length, 1);
  // One caller's own; the others of its replica share it, and those of the other replica find it.
  assert.deepEqual(
    [countOf(replies, null), countOf(replies, "process"), countOf(replies, "cluster")],
    [1, 499, 500],
  );
});

test("with Redis down, 1,000 identical misses at once: at most one call of the model a replica", async () => {
  await using one = await start({ BW_REDIS_NODES: "127.0.0.1:1", BW_START_WAIT_MS: "0" });
  await using other = await start({ BW_REDIS_NODES: "127.0.0.1:1", BW_START_WAIT_MS: "0" });
  const held = Promise.withResolvers<void>();
  given.model.held = held.promise;
  const question = freshQuestion();
  const asking = Promise.all([...many(one, question, 500), ...many(other, question, 500)]);
  for (const replica of [one, other]) await eventually(() => waitingAt(replica, 500));
  held.resolve();
  const replies = await asking;
  assert(
    replies.every(
      ({ status, cache, degraded }) => status === 200 && cache === "bypass" && degraded === "redis",
    ),
  );
  assert(given.model.requests.length <= 2, `${given.model.requests.length}`);
});

test("without coalescing every one calls it; by the lease alone, still one at a time", async () => {
  {
    await using service = await start({ BW_COALESCE: "off", BW_LEASE: "off" });
    const held = Promise.withResolvers<void>();
    given.model.held = held.promise;
    const asking = many(service, freshQuestion(), 20);
    await eventually(() => given.model.requests.length === 20);
    held.resolve();
    await Promise.all(asking);
  }
  await using service = await start({ BW_COALESCE: "off" });
  const held = Promise.withResolvers<void>();
  given.model.held = held.promise;
  const asking = many(service, freshQuestion(), 20);
  await eventually(() => waitingAt(service, 20));
  held.resolve();
  assert.equal(countOf(await Promise.all(asking), "process"), 0);
  assert.equal(given.model.requests.length, 21);
});

test("max-age: neither an older answer in memory nor another process's that is too old by now is given", async () => {
  const l1 = { BW_CACHE_L1: "on", BW_EARLY_REFRESH: "off" };
  await using one = await start(l1);
  await using other = await start(l1);
  const [newer, tooOld] = [freshQuestion(), freshQuestion()];
  const ask = (service: ServiceUnderTest, question: string, cacheControl: string) =>
    service.post(JSON.stringify(requestFor(question)), { "cache-control": cacheControl });
  const anew = async (question: string) => {
    const { provenance } = await ask(other, question, "no-cache");
    // In Redis, as a replica without it in memory is told.
    await using third = await start();
    await eventually(async () => (await third.ask(question)).provenance === provenance);
    return provenance;
  };
  for (const question of [newer, tooOld]) await given.askAndStore(one, question);
  await anew(tooOld);
  await delay(5100);
  const latest = await anew(newer);
  const hit = await ask(one, newer, "max-age=5");
  assert.deepEqual([hit.cache, hit.tier, hit.provenance], ["hit", "redis", latest]);
  const calls = given.model.requests.length;
  const made = await ask(one, tooOld, "max-age=5");
  assert.deepEqual([made.cache, made.coalesced, given.model.requests.length], ["miss", null, calls + 1]);
});

test("without the lease each replica calls it once", async () => {
  await using one = await start({ BW_LEASE: "off" });
  await using other = await start({ BW_LEASE: "off" });
  const held = Promise.withResolvers<void>();
  given.model.held = held.promise;
  const question = freshQuestion();
  const asking = [...many(one, question, 20), ...many(other, question, 20)];
  for (const replica of [one, other]) await eventually(() => waitingAt(replica, 20));
  held.resolve();
  await Promise.all(asking);
  assert.equal(given.model.requests.length, 2);
});

test("a replica that is killed while it makes an answer: the other takes over when its lease has ended", async () => {
  const env = { ...patient, BW_LEASE_MS: "1500" };
  await using loser = await given.start(env);
  await using winner = spawnService({
    ...env,
    BW_REDIS_NODES: given.cluster.addresses,
    BW_MODEL_URL: given.model.url,
  });
  const url = await winner.url();
  const held = Promise.withResolvers<void>();
  given.model.held = held.promise;
  const question = freshQuestion();
  const lost = assert.rejects(ask(url, question));
  await eventually(() => given.model.requests.length === 1);
  const waiting = loser.ask(question);
  const attempts = 'dependency_calls_total{dependency="redis-lease",outcome="ok"}';
  await eventually(async () => (await loser.metric(attempts)) >= 3);
  assert.equal(given.model.requests.length, 1, "it waits for the one that has the lease");
  winner.kill("SIGKILL");
  await lost;
  held.resolve();
  const reply = await waiting;
  assert.deepEqual([reply.status, reply.provenance], [200, "generation=2"]);
  assert.equal(await loser.metric('lease_results_total{result="taken-over"}'), 1);
});

test("a lease that a process left behind keeps others no longer than to its end", async () => {
  await using service = await start();
  const question = freshQuestion();
  await given.cluster
    .nodeOf(keyOf(question))
    .redis.set(`lease:{${keyOf(question)}}`, "a dead one's", "PX", 700);
  const reply = await service.ask(question);
  assert.deepEqual([reply.status, reply.cache, reply.coalesced], [200, "miss", null]);
  assert.equal(await service.metric('lease_results_total{result="taken-over"}'), 1);
});

test("nobody waits longer for a lease than their own deadline", async () => {
  await using service = await start({
    BW_DEADLINE_MS: "400",
    BW_MODEL_TIMEOUT_MS: "300",
    BW_REDIS_TIMEOUT_MS: "300",
  });
  const question = freshQuestion();
  await given.cluster
    .nodeOf(keyOf(question))
    .redis.set(`lease:{${keyOf(question)}}`, "another's", "PX", 60_000);
  assert.equal((await service.ask(question)).status, 504);
  assert.equal(given.model.requests.length, 0);
});

test("the lease is let go when the answer is stored, or has failed", async () => {
  await using service = await start();
  const question = freshQuestion();
  await given.askAndStore(service, question);
  await eventually(async () => (await leaseOf(question)) === null);
  given.model.mode = "error";
  const failing = freshQuestion();
  assert.equal((await service.ask(failing)).status, 502);
  await eventually(async () => (await leaseOf(failing)) === null);
});

test("a failed call fails all that wait for it, once", async () => {
  await using service = await start({ BW_RETRY: "off" });
  const held = Promise.withResolvers<void>();
  given.model.held = held.promise;
  given.model.mode = "break-stream";
  const question = freshQuestion();
  const waiting = Array.from({ length: 50 }, () => service.ask(question, { stream: true }));
  await eventually(() => waitingAt(service, 50));
  held.resolve();
  for (const reply of await Promise.all(waiting)) assert.match(reply.text, /"code":"model_failed"/);
  assert.equal(given.model.requests.length, 1);
});

test("the model's call is cancelled when the last caller has left, and not before", async () => {
  await using service = await start();
  given.model.held = new Promise(() => undefined);
  const question = freshQuestion();
  const callers = Array.from({ length: 3 }, () => new AbortController());
  const asked = callers.map(({ signal }) =>
    assert.rejects(
      fetch(`${service.url}/v1/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(requestFor(question)),
        signal,
      }),
    ),
  );
  await eventually(() => given.model.requests.length === 1);
  await eventually(() => waitingAt(service, 3));
  const left = () =>
    service.metric('http_request_duration_seconds_count{route="chat-completions",status="499"}');
  for (const [i, caller] of callers.entries()) {
    assert.equal(given.model.abandoned, 0);
    caller.abort();
    await eventually(async () => (await left()) === i + 1);
  }
  await Promise.all(asked);
  await eventually(() => given.model.abandoned === 1);
  assert.equal(await service.metric('answer_flights_total{end="abandoned"}'), 1);
});

test("when the deadline of the last caller passes the model's call is cancelled too", async () => {
  await using service = await start();
  given.model.held = new Promise(() => undefined);
  const question = freshQuestion();
  const body = JSON.stringify(requestFor(question));
  const asked = ["1000", "2500"].map((ms) => service.post(body, { "x-request-deadline-ms": ms }));
  const [first, second] = asked;
  assert.equal((await first)?.status, 504);
  assert.equal(given.model.abandoned, 0);
  assert.equal((await second)?.status, 504);
  await eventually(() => given.model.abandoned === 1);
  assert.equal(given.model.requests.length, 1);
  // Told apart from a caller who lost interest.
  const calls = (outcome: string) =>
    service.metric(`dependency_calls_total{dependency="model",outcome="${outcome}"}`);
  assert.deepEqual([await calls("deadline"), await calls("cancelled")], [1, 0]);
});

function leaseOf(question: string): Promise<string | null> {
  return given.cluster.nodeOf(keyOf(question)).redis.get(`lease:{${keyOf(question)}}`);
}

/** Whether so many callers of a replica wait for a new answer. */
async function waitingAt(service: ServiceUnderTest, howMany: number): Promise<boolean> {
  return (await service.metric("answers_waiting")) === howMany;
}
