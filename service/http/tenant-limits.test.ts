import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { ApiError } from "../routes/api-error.ts";
import { startModelStub } from "../testing/model-stub.ts";
import { eventually } from "../testing/redis-cluster.ts";
import { requestFor, slowCaller, startService } from "../testing/service-under-test.ts";
import { tenantLimits } from "./tenant-limits.ts";

/** Limits on a clock that the test moves. */
function limited(ratePerSecond: number | undefined, burst: number, concurrency: number) {
  const refused: string[] = [];
  const clock = { ms: 0 };
  const admit = tenantLimits(
    { ratePerSecond, burst, concurrency },
    () => clock.ms,
    (tenant, reason) => refused.push(`${tenant} ${reason}`),
  );
  return { admit, clock, refused };
}

const is429 = (thrown: unknown) => thrown instanceof ApiError && thrown.status === 429;

test("a burst, then the rate; what was not used is saved up to the burst and no further", () => {
  const { admit, clock, refused } = limited(2, 3, 100);
  const admittedOf = (tries: number) => {
    let admitted = 0;
    for (let i = 0; i < tries; i++) {
      try {
        admit("a", "normal")();
        admitted++;
      } catch (thrown) {
        assert(is429(thrown));
      }
    }
    return admitted;
  };
  assert.equal(admittedOf(10), 3);
  clock.ms += 500;
  assert.equal(admittedOf(10), 1);
  clock.ms += 1_000_000;
  assert.equal(admittedOf(10), 3);
  assert.deepEqual(new Set(refused), new Set(["a rate"]));
});

test("who is over the rate is told when the next request would be taken", () => {
  const { admit, clock } = limited(0.5, 1, 100);
  admit("a", "normal");
  clock.ms = 500;
  assert.throws(
    () => admit("a", "normal"),
    (thrown: unknown) => thrown instanceof ApiError && thrown.retryAfterMs === 1500,
  );
  clock.ms = 2000;
  admit("a", "normal");
});

test("a place is given back once, however often that is said; a refusal takes no token", () => {
  const { admit, refused } = limited(1, 3, 1);
  const giveBack = admit("a", "normal");
  assert.throws(() => admit("a", "normal"), is429);
  giveBack();
  giveBack();
  admit("a", "normal");
  assert.throws(() => admit("a", "normal"), is429);
  assert.deepEqual(refused, ["a concurrency", "a concurrency"]);
});

test("low priority leaves a part of the tenant's places and of its burst to others", () => {
  const { admit, clock, refused } = limited(1, 10, 10);
  const low = Array.from({ length: 7 }, () => admit("a", "low"));
  assert.throws(() => admit("a", "low"), is429);
  for (let i = 0; i < 3; i++) admit("a", "normal");
  assert.throws(() => admit("a", "high"), is429);
  for (const giveBack of low) giveBack();
  // Three are under way, no token is left: the first is for whoever is not low, four make the first for low.
  assert.throws(
    () => admit("a", "low"),
    (thrown: unknown) => thrown instanceof ApiError && thrown.retryAfterMs === 4000,
  );
  clock.ms += 3999;
  assert.throws(() => admit("a", "low"), is429);
  clock.ms += 1;
  admit("a", "low");
  assert.throws(() => admit("a", "low"), is429);
  admit("a", "normal");
  assert.deepEqual(refused, ["a concurrency", "a concurrency", "a rate", "a rate", "a rate"]);
});

test("one tenant's flood takes none of another's places, and is told when to come back", async () => {
  await using model = await startModelStub();
  await using service = await startService({
    ...{ BW_MODEL_URL: model.url, BW_API_KEYS: "flood:f,calm:c", BW_TIMEOUT: "off" },
    ...{ BW_TENANT_CONCURRENCY: "8", BW_MODEL_CONCURRENCY: "16", BW_ADAPTIVE: "off", BW_DRAIN_MS: "0" },
  });
  model.mode = "silent";
  const ask = (key: string, i: number) =>
    service.post(JSON.stringify(requestFor(`${key} ${i}`)), { authorization: `Bearer ${key}` });
  const flood = Array.from({ length: 100 }, (_, i) => ask("f", i));
  void Promise.allSettled(flood);
  await eventually(
    async () => (await service.metric('tenant_requests_total{tenant="flood",status_class="4xx"}')) === 92,
  );
  assert.equal(model.requests.length, 8);

  // More at once than would be left if the flood had what it wants.
  model.mode = "ok";
  const calm = await Promise.all(Array.from({ length: 8 }, (_, i) => ask("c", i)));
  assert.deepEqual(new Set(calm.map(({ status }) => status)), new Set([200]));
  const refused = await ask("f", 100);
  assert.equal(refused.status, 429);
  assert.equal(refused.retryAfter, "1");
  const { error } = JSON.parse(refused.text);
  assert.deepEqual([error.type, error.code], ["rate_limit_error", "rate_limit_exceeded"]);
  assert.equal(await service.metric('tenant_limited_total{tenant="flood",reason="concurrency"}'), 93);
  assert.equal(await service.metric('tenant_limited_total{tenant="calm",reason="concurrency"}'), 0);
});

const tenants = { BW_API_KEYS: "flood:f,calm:c" };

test("by default, a tenant that fills all its places leaves some to the others", async () => {
  await using model = await startModelStub();
  await using service = await startService({ BW_MODEL_URL: model.url, ...tenants, BW_DRAIN_MS: "0" });
  // Each announces a body that never comes.
  const headers = ["authorization: Bearer f", "x-request-deadline-ms: 30000"];
  using callers = new DisposableStack();
  for (let i = 0; i < 1000; i++) {
    const caller = callers.use(slowCaller(service));
    caller.socket.on("error", () => undefined);
    caller.socket.write(caller.head(1000, headers));
    if (i % 50 === 0) await once(caller.socket, "connect");
  }
  const limited = 'tenant_limited_total{tenant="flood",reason="concurrency"}';
  await eventually(
    async () => (await service.metric("http_requests_in_flight")) + (await service.metric(limited)) > 1000,
  );
  for (let i = 0; i < 10; i++) {
    const { status, text } = await service.post(JSON.stringify(requestFor(`${i}`)), {
      authorization: "Bearer c",
    });
    assert.equal(status, 200, text);
  }
});

test("by default, a tenant's flood of misses leaves places at the model to the others", async () => {
  await using model = await startModelStub();
  // More than is useful: the limit does not grow until all find a place.
  model.delayMs = 700;
  await using service = await startService({ BW_MODEL_URL: model.url, ...tenants });
  const ask = (key: string, question: string) =>
    service.post(JSON.stringify(requestFor(question)), {
      authorization: `Bearer ${key}`,
      "x-request-deadline-ms": "10000",
    });
  const flood = new AbortController();
  let refused = 0;
  // More than the model takes and lets wait; whoever is refused comes again soon.
  const callers = Array.from({ length: 50 }, async (_, caller) => {
    for (let i = 0; !flood.signal.aborted; i++) {
      if ((await ask("f", `${caller} ${i}`)).status === 200) continue;
      refused++;
      await delay(50);
    }
  });
  await eventually(() => refused >= 20);
  const calm: number[] = [];
  for (let i = 0; i < 6; i++) calm.push((await ask("c", `calm ${i}`)).status);
  flood.abort();
  await Promise.all(callers);
  assert.deepEqual(new Set(calm), new Set([200]));
});

test("a tenant's requests of low priority leave places to its others, as their header says", async () => {
  await using model = await startModelStub();
  model.mode = "silent";
  await using service = await startService({
    ...{ BW_MODEL_URL: model.url, BW_TENANT_CONCURRENCY: "10", BW_TIMEOUT: "off", BW_DRAIN_MS: "0" },
  });
  const ask = (i: number, priority: string) =>
    service.post(JSON.stringify(requestFor(`${i}`)), { "x-priority": priority });
  void Promise.allSettled(Array.from({ length: 7 }, (_, i) => ask(i, "low")));
  await eventually(() => model.requests.length === 7);
  assert.equal((await ask(7, "low")).status, 429);
  model.mode = "ok";
  assert.equal((await ask(8, "normal")).status, 200);
});

test("a place is free again when the caller has left", async () => {
  await using model = await startModelStub();
  model.mode = "silent";
  await using service = await startService({
    ...{ BW_MODEL_URL: model.url, BW_TENANT_CONCURRENCY: "1", BW_DRAIN_MS: "0" },
  });
  const leaving = new AbortController();
  const left = fetch(`${service.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(requestFor("x")),
    signal: leaving.signal,
  });
  await eventually(() => model.requests.length === 1);
  assert.equal((await service.ask("y")).status, 429);
  leaving.abort();
  await assert.rejects(left);
  model.mode = "ok";
  await eventually(async () => (await service.ask("y")).status === 200);
});

test("without the limit nobody is refused", async () => {
  await using model = await startModelStub();
  const limits = { BW_TENANT_RATE: "1", BW_TENANT_BURST: "1", BW_TENANT_CONCURRENCY: "1" };
  await using service = await startService({ BW_MODEL_URL: model.url, ...limits, BW_TENANT_LIMIT: "off" });
  const replies = await Promise.all(Array.from({ length: 20 }, (_, i) => service.ask(`${i}`)));
  assert(replies.every(({ status }) => status === 200));
});

test("two keys of one tenant are one tenant: one cache key, one set of places", async () => {
  await using model = await startModelStub();
  await using service = await startService({
    ...{
      BW_MODEL_URL: model.url,
      BW_API_KEYS: "a:old,a:new,b:other",
      BW_TENANT_RATE: "1",
      BW_TENANT_BURST: "2",
    },
  });
  const ask = async (key: string) =>
    (await service.post(JSON.stringify(requestFor("x")), { authorization: `Bearer ${key}` })).status;
  assert.deepEqual([await ask("old"), await ask("new")], [200, 200]);
  assert.deepEqual([await ask("old"), await ask("new"), await ask("other")], [429, 429, 200]);
  assert.deepEqual(model.tenants, ["a", "a", "b"]);
});
