import assert from "node:assert/strict";
import { test } from "node:test";
import { dependencies, freshQuestion, keyOf } from "../testing/dependencies.ts";
import { eventually } from "../testing/redis-cluster.ts";
import { requestFor, type ServiceUnderTest } from "../testing/service-under-test.ts";

/** Who shares a call with whom, and what they tell the model of their time. */

const given = dependencies();

/** What other things a busy machine does is not what these tests are about. */
const patient = {
  ...{
    BW_DEADLINE_MS: "60000",
    BW_DEADLINE_MAX_MS: "60000",
    BW_DRAIN_MS: "60000",
    BW_MODEL_TIMEOUT_MS: "50000",
  },
  ...{ BW_LEASE_MS: "30000", BW_LEASE_TIMEOUT_MS: "10000", BW_REDIS_TIMEOUT_MS: "10000" },
};
const start = (env: Readonly<Record<string, string>> = {}) => given.start({ ...patient, ...env });

test("requests that want an answer of their own share none", async () => {
  await using service = await start();
  given.model.delayMs = 100;
  const question = freshQuestion();
  const sampled = Array.from({ length: 5 }, () => service.ask(question, { temperature: 1 }));
  const unstored = Array.from({ length: 5 }, () =>
    service.post(JSON.stringify(requestFor(question)), {
      "cache-control": "no-store",
    }),
  );
  const replies = await Promise.all([...sampled, ...unstored]);
  assert.equal(given.model.requests.length, 10);
  assert.equal(replies.filter(({ coalesced }) => coalesced === null).length, 10);
});

test("whose answer is not stored keeps nobody waiting for it", async () => {
  await using one = await start();
  await using other = await start();
  const held = Promise.withResolvers<void>();
  given.model.held = held.promise;
  const body = JSON.stringify(requestFor(freshQuestion()));
  const unstored = one.post(body, { "cache-control": "no-store" });
  await eventually(() => given.model.requests.length === 1);
  const stored = other.post(body);
  await eventually(() => given.model.requests.length === 2);
  held.resolve();
  assert.deepEqual([(await unstored).status, (await stored).status], [200, 200]);
});

test("who asks with other tags joins no call, and waits for no answer that cannot be invalidated by them", async () => {
  await using one = await start();
  await using other = await start();
  const held = Promise.withResolvers<void>();
  given.model.held = held.promise;
  const question = JSON.stringify(requestFor(freshQuestion()));
  const plain = one.post(question);
  await eventually(() => given.model.requests.length === 1);
  const tagged = [one, other].map((service) => service.post(question, { "x-cache-tags": "faq" }));
  await eventually(() => waitingAt(one, 2));
  held.resolve();
  const first = await plain;
  for (const reply of await Promise.all(tagged)) assert.notEqual(reply.provenance, first.provenance);
});

test("callers who take answers of different ages share one call, also with another replica's", async () => {
  await using one = await start();
  await using other = await start();
  const held = Promise.withResolvers<void>();
  given.model.held = held.promise;
  const body = JSON.stringify(requestFor(freshQuestion()));
  const first = one.post(body);
  await eventually(() => given.model.requests.length === 1);
  const ages = ["max-age=0", "max-age=1", "max-age=60"].map((cacheControl) => ({
    "cache-control": cacheControl,
  }));
  const joining = ages.map((headers) => one.post(body, headers));
  await eventually(() => waitingAt(one, 4));
  const elsewhere = ages.map((headers) => other.post(body, headers));
  await eventually(() => waitingAt(other, 3));
  held.resolve();
  const { provenance } = await first;
  for (const reply of await Promise.all(joining))
    assert.deepEqual([reply.coalesced, reply.provenance], ["process", provenance]);
  for (const reply of await Promise.all(elsewhere))
    assert.deepEqual([reply.coalesced, reply.provenance], ["cluster", provenance]);
  assert.equal(given.model.requests.length, 1);
});

test("a hurried first caller does not end the call for those who join; one that shares nothing tells its own deadline", async () => {
  await using service = await start();
  const held = Promise.withResolvers<void>();
  given.model.held = held.promise;
  const body = JSON.stringify(requestFor(freshQuestion()));
  const hurried = service.post(body, { "x-request-deadline-ms": "1000" });
  await eventually(() => waitingAt(service, 1));
  const patiently = service.post(body);
  assert.equal((await hurried).status, 504);
  held.resolve();
  assert.equal((await patiently).status, 200);
  assert.equal(given.model.requests.length, 1);
  const alone = { "x-request-deadline-ms": "1000", "cache-control": "no-store" };
  assert.equal((await service.post(body, alone)).status, 200);
  const [shared = 0, own = 0] = given.model.deadlines;
  assert(shared > 1100 && own <= 1100, `${shared}, ${own}`);
});

test("a second attempt has the time of whoever joined the first with the most", async () => {
  const deadlineMs = 20_000;
  await using service = await start({ BW_DEADLINE_MS: `${deadlineMs}`, BW_MODEL_TIMEOUT_MS: "15000" });
  const held = Promise.withResolvers<void>();
  given.model.held = held.promise;
  given.model.mode = "error";
  given.model.errorsLeft = 1;
  const body = JSON.stringify(requestFor(freshQuestion()));
  const first = service.post(body);
  await eventually(() => waitingAt(service, 1));
  const joined = service.post(body, { "x-request-deadline-ms": "60000" });
  await eventually(() => waitingAt(service, 2));
  held.resolve();
  assert.deepEqual([(await first).status, (await joined).status], [200, 200]);
  const [before = 0, after = 0] = given.model.deadlines;
  assert(before <= deadlineMs + 100 && after > deadlineMs + 100, `${before}, ${after}`);
});

test("a lease that is not to be had in its own time is done without, long before Redis itself is given up", async () => {
  await using service = await start({ BW_LEASE_TIMEOUT_MS: "50" });
  let question = freshQuestion();
  // The script that polls marks counts as a write: where writes are held, it would hold up the reads behind it.
  const nodeOf = (key: string) => given.cluster.nodeOf(key).redis;
  while (nodeOf(keyOf(question)) === nodeOf("{invalidations}")) question = freshQuestion();
  await nodeOf(keyOf(question)).client("PAUSE", 60_000, "WRITE");
  try {
    const { status, cache } = await service.ask(question);
    assert.deepEqual([status, cache], [200, "miss"]);
    assert.equal(await service.metric('lease_results_total{result="skipped"}'), 1);
    const timeouts = 'dependency_calls_total{dependency="redis-lease",outcome="timeout"}';
    assert.equal(await service.metric(timeouts), 0);
  } finally {
    await nodeOf(keyOf(question)).client("UNPAUSE");
  }
});

/** Whether so many callers of a replica wait for a new answer. */
async function waitingAt(service: ServiceUnderTest, howMany: number): Promise<boolean> {
  return (await service.metric("answers_waiting")) === howMany;
}
