import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import type { Cluster } from "ioredis";
import { redisClient, whenConnected } from "../cache/redis-client.ts";
import { startRedisCluster, type TestCluster } from "../testing/redis-cluster.ts";
import { createInvalidations, type InvalidationsFeed } from "./invalidations.ts";
import type { MarkStore } from "./mark-store.ts";
import type { Knowledge, News } from "./marks.ts";
import { redisMarks } from "./redis-marks.ts";

const key = "{invalidations}:marks:1";
const processCount = 3;
const scopes = ["tag:a:1", "tag:a:2", "tenant:b", "model:*:m"];

let cluster: TestCluster;
let client: Cluster;
before(async () => {
  cluster = await startRedisCluster();
  const nodes = cluster.addresses.split(",").map((address) => {
    const [host = "", port] = address.split(":");
    return { host, port: Number(port) };
  });
  client = redisClient({ nodes, attemptTimeoutMs: 5000, maxUnanswered: 1000 });
  await whenConnected(client, AbortSignal.timeout(20_000));
});
after(async () => {
  client.disconnect();
  await cluster[Symbol.asyncDispose]();
});

/** Some processes over one store; the test carries their messages, or loses them. */
function world(maxMarks = 1000, maxMarksOfTenant = maxMarks) {
  const queues: News[][] = Array.from({ length: processCount }, () => []);
  const shared = redisMarks(client, { maxMarks, retentionMs: 3_600_000 }, (call) => call);
  let underWay = 0;
  const problems: unknown[] = [];
  const settle = async () => {
    do await turn();
    while (underWay > 0);
  };
  async function counted<T>(call: Promise<T>): Promise<T> {
    underWay++;
    try {
      return await call;
    } finally {
      underWay--;
    }
  }
  const store: MarkStore = {
    since: (since) => counted(shared.since(since)),
    begin: (epoch) => counted(shared.begin(epoch)),
    async mark(marked, epoch) {
      const news = await counted(shared.mark(marked, epoch));
      if (news !== undefined) for (const queue of queues) queue.push(news);
      return news;
    },
    restore: (lost) => counted(shared.restore(lost)),
  };
  const create = () =>
    createInvalidations({
      ...{ store, maxMarks, maxMarksOfTenant, maxBlindMs: undefined },
      now: Date.now,
      clock: () => performance.now(),
      onLearnt: () => undefined,
      onProblem: (_code, thrown) => problems.push(thrown),
    });
  const processes = Array.from({ length: processCount }, create);
  const at = (i: number): InvalidationsFeed => processes[i] ?? assert.fail();
  async function pollAll() {
    for (const process of processes) {
      await process.poll();
      await settle();
    }
  }
  return {
    at,
    settle,
    pollAll,
    problems,
    async deliver(i: number) {
      const news = queues[i]?.shift();
      if (news !== undefined) at(i).hear(news);
      await settle();
    },
    lose: (i: number) => queues[i]?.splice(0),
    /** What only this process knew is known to the others before it ends: it may be lost in Redis. */
    async restart(i: number) {
      await pollAll();
      await pollAll();
      processes[i] = create();
      queues[i]?.splice(0);
    },
  };
}

const who = fc.nat(processCount - 1);
const which = fc.constantFrom(...scopes);
const common = [
  fc.record({ op: fc.constant("invalidate" as const), i: who, scope: which }),
  fc.record({ op: fc.constant("make" as const), i: who, scope: which }),
  fc.record({ op: fc.constantFrom("deliver" as const, "lose" as const, "poll" as const), i: who }),
];
const harm = [
  fc.record({ op: fc.constant("restart" as const), i: who }),
  fc.record({ op: fc.constantFrom("wipe" as const, "keep" as const, "set-back" as const) }),
];

type Step = (typeof common | typeof harm)[number] extends fc.Arbitrary<infer T> ? T : never;

/** Runs the steps. @returns entries, and whether each was invalidated after making it began */
async function run(steps: readonly Step[], informed: boolean) {
  await client.del(key);
  const w = world();
  await w.pollAll();
  const made: { epoch: number; scopes: string[]; at: number }[] = [];
  const invalidated: { scope: string; at: number }[] = [];
  let kept: Buffer | null = null;
  for (const [at, step] of steps.entries()) {
    if (step.op === "invalidate") {
      const reply = await w.at(step.i).invalidate([step.scope]);
      await w.settle();
      assert(!w.at(step.i).isCurrent({ epoch: reply.sequence - 1, scopes: [step.scope] }));
      invalidated.push({ scope: step.scope, at });
    } else if (step.op === "make") {
      if (informed) await w.at(step.i).poll();
      made.push({ epoch: w.at(step.i).epoch(), scopes: [step.scope, "tag:a:never"], at });
    } else if (step.op === "deliver") await w.deliver(step.i);
    else if (step.op === "lose") w.lose(step.i);
    else if (step.op === "poll") await w.at(step.i).poll();
    else if (step.op === "restart") await w.restart(step.i);
    else if (step.op === "wipe") await client.del(key);
    else if (step.op === "keep") kept = await client.dumpBuffer(key);
    else if (kept !== null) await client.restore(key, 0, kept, "REPLACE");
    await w.settle();
  }
  // Twice: what the last one puts back, the first one learns in the second round.
  await w.pollAll();
  await w.pollAll();
  assert.deepEqual(w.problems, []);
  const isInvalid = (entry: (typeof made)[number]) =>
    invalidated.some(({ scope, at }) => at > entry.at && entry.scopes.includes(scope));
  return { w, entries: made.map((entry) => ({ entry, invalid: isInvalid(entry) })) };
}

test("whatever messages are lost, a poll makes exactly what was invalidated invalid", async () => {
  const steps = fc.array(fc.oneof(...common), { maxLength: 40, size: "max" });
  await fc.assert(
    fc.asyncProperty(steps, async (given) => {
      const { w, entries } = await run(given, true);
      for (let i = 0; i < processCount; i++)
        for (const { entry, invalid } of entries) assert.equal(w.at(i).isCurrent(entry), !invalid);
    }),
    { numRuns: 100 },
  );
});

test("whatever Redis loses and whoever restarts, nothing that was invalidated becomes valid again", async () => {
  const steps = fc.array(fc.oneof(...common, ...harm), { maxLength: 40, size: "max" });
  await fc.assert(
    fc.asyncProperty(steps, async (given) => {
      const { w, entries } = await run(given, false);
      for (let i = 0; i < processCount; i++)
        for (const { entry, invalid } of entries)
          if (invalid)
            for (const judge of [w.at(i).isCurrent, w.at(i).isCurrentHere])
              assert(!judge(entry), JSON.stringify(entry));
    }),
    { numRuns: 200 },
  );
});

for (const lower of [1, 0])
  test(`numbers set back and used again, by a replica whose clock is behind, from ${lower} below the latest on: what is invalidated then is invalid`, async () => {
    await client.del(key);
    const w = world();
    await w.pollAll();
    const { sequence } = await w.at(0).invalidate(["tag:a:1"]);
    await w.pollAll();
    const entry = { epoch: w.at(0).epoch(), scopes: ["tag:a:2"] };
    // As the replica would that took over without the last one.
    const behind = sequence - lower;
    await client.zrem(key, "tag:a:1");
    await client.zadd(key, behind, "tag:a:2");
    w.at(0).hear({ seq: behind, previous: behind - 1, floor: 0, scopes: ["tag:a:2"] });
    await w.settle();
    // Where it was noticed, before anybody says so.
    assert(!w.at(0).isCurrent(entry));
    await w.pollAll();
    for (let i = 0; i < processCount; i++) assert(!w.at(i).isCurrent(entry), `process ${i}`);
  });

test("marks are bounded in Redis and in every process: those dropped make all that is older invalid", async () => {
  await client.del(key);
  const w = world(10);
  await w.pollAll();
  const old = { epoch: w.at(0).epoch(), scopes: ["tag:a:none"] };
  for (let i = 0; i < 10; i++) await w.at(0).invalidate([`tag:a:${i}`]);
  await w.pollAll();
  assert(w.at(1).isCurrent(old));
  const recent = { epoch: w.at(0).epoch(), scopes: ["tag:a:none"] };
  await w.at(0).invalidate(["tag:a:10"]);
  await w.pollAll();
  for (let i = 0; i < processCount; i++) {
    assert(!w.at(i).isCurrent(old));
    assert(w.at(i).isCurrent(recent));
    assert.equal(w.at(i).markCount(), 10);
  }
  assert.equal(await client.zcard(key), 11);
});

test("a mark that was made again and lost is put back, though the store still has the older one", async () => {
  const scope = "tag:a:1";
  const { w, entries } = await run(
    [
      { op: "invalidate", i: 0, scope },
      { op: "keep" },
      { op: "poll", i: 1 },
      { op: "make", i: 1, scope },
      { op: "invalidate", i: 0, scope },
      { op: "set-back" },
      { op: "invalidate", i: 0, scope: "model:*:m" },
    ],
    false,
  );
  assert.equal(entries.length, 1);
  for (let i = 0; i < processCount; i++)
    for (const { entry, invalid } of entries) assert(invalid && !w.at(i).isCurrent(entry), `process ${i}`);
});

test("a tenant with no marks left invalidates all it has, and nobody else's", async () => {
  await client.del(key);
  const w = world(1000, 3);
  await w.pollAll();
  const own = { epoch: w.at(0).epoch(), scopes: ["tenant:a"] };
  const others = { epoch: w.at(0).epoch(), scopes: ["tenant:b"] };
  for (const tag of ["1", "2", "3", "3"])
    assert.deepEqual((await w.at(0).invalidate([`tag:a:${tag}`])).scopes, [`tag:a:${tag}`]);
  assert(w.at(0).isCurrent(own));
  assert.deepEqual((await w.at(0).invalidate(["tag:a:4"])).scopes, ["tenant:a"]);
  assert(!w.at(0).isCurrent(own));
  assert(w.at(0).isCurrent(others));
  // What has a mark already costs none.
  assert.deepEqual((await w.at(0).invalidate(["tag:a:1"])).scopes, ["tag:a:1"]);
  // What is no tenant's is of no tenant's share.
  for (const model of ["1", "2", "3", "4", "5"])
    assert.deepEqual((await w.at(0).invalidate([`model:*:${model}`])).scopes, [`model:*:${model}`]);
});

test("several scopes are one invalidation, for every process; more than the tenant's share are all it has", async () => {
  await client.del(key);
  const w = world(1000, 3);
  await w.pollAll();
  const entries = ["1", "2", "3"].map((tag) => ({
    epoch: w.at(0).epoch(),
    scopes: ["tenant:a", `tag:a:${tag}`],
  }));
  const { scopes: asked } = await w.at(0).invalidate(["tag:a:1", "tag:a:2"]);
  assert.deepEqual(asked, ["tag:a:1", "tag:a:2"]);
  await w.at(1).poll();
  for (const process of [w.at(0), w.at(1)])
    assert.deepEqual(entries.map(process.isCurrent), [false, false, true]);
  assert.deepEqual((await w.at(0).invalidate(["tag:a:2", "tag:a:1"])).scopes, ["tag:a:2", "tag:a:1"]);
  assert.deepEqual((await w.at(0).invalidate(["tag:a:5", "tag:a:6"])).scopes, ["tenant:a"]);
  assert.deepEqual(entries.map(w.at(0).isCurrent), [false, false, false]);
});

test("before the marks are first learnt own entries are current, unless to be blind is bounded; then the marks judge", async () => {
  const scope = "tag:a:1";
  const blind = (maxBlindMs: number | undefined, theirs: Partial<Knowledge>) => {
    let away = true;
    const store: MarkStore = {
      async since() {
        if (away) throw new Error("the store is away");
        return { seq: 9, floor: 0, marks: new Map(), upToSince: { count: 0, highest: 0 }, ...theirs };
      },
      begin: () => assert.fail(),
      mark: () => assert.fail(),
      restore: () => assert.fail(),
    };
    const feed = createInvalidations({
      ...{ store, maxMarks: 10, maxMarksOfTenant: 10, maxBlindMs },
      ...{ now: () => 0, clock: () => 0, onLearnt: () => undefined, onProblem: () => undefined },
    });
    const back = async () => {
      away = false;
      assert(await feed.poll());
    };
    return { feed, back };
  };
  const judged = (
    { isCurrentHere, isCurrent }: InvalidationsFeed,
    entry: { epoch: number; scopes: string[] },
  ) => [isCurrentHere(entry), isCurrent(entry)];
  const cases: [theirs: Partial<Knowledge>, isCurrentAfter: boolean][] = [
    [{}, true],
    [{ marks: new Map([["tag:a:2", 9]]) }, true],
    // Whether it was before or after the entry was made cannot be told.
    [{ marks: new Map([[scope, 1]]) }, false],
    [{ floor: 1 }, false],
  ];
  for (const [theirs, isCurrentAfter] of cases) {
    const { feed, back } = blind(undefined, theirs);
    assert.equal(await feed.poll(), false);
    const entry = { epoch: feed.epoch(), scopes: [scope] };
    assert.deepEqual(judged(feed, entry), [true, false]);
    await back();
    assert.deepEqual(judged(feed, entry), [isCurrentAfter, isCurrentAfter]);
    assert.deepEqual(judged(feed, { ...entry, epoch: feed.epoch() }), [true, true]);
  }
  const { feed, back } = blind(1000, {});
  const entry = { epoch: feed.epoch(), scopes: [scope] };
  assert.deepEqual(judged(feed, entry), [false, false]);
  await back();
  assert.deepEqual(judged(feed, entry), [true, true]);
});
