import assert from "node:assert/strict";
import { after, before, beforeEach } from "node:test";
import { cacheKey } from "../cache/keys.ts";
import { type ModelStub, startModelStub } from "./model-stub.ts";
import { eventually, startRedisCluster, type TestCluster } from "./redis-cluster.ts";
import { type Reply, requestFor, type ServiceUnderTest, startService } from "./service-under-test.ts";

/** What the service of a test file depends on. */
export interface Dependencies {
  readonly cluster: TestCluster;
  readonly model: ModelStub;
  start(env?: Readonly<Record<string, string>>): Promise<ServiceUnderTest>;
  /** Asks, and waits until the answer is in Redis: the service does not wait for that itself. */
  askAndStore(
    service: ServiceUnderTest,
    question: string,
    fields?: Readonly<Record<string, unknown>>,
  ): Promise<Reply>;
}

/** One Redis Cluster for all tests of the file that calls this, and a model stub for each of them. */
export function dependencies(): Dependencies {
  let cluster: TestCluster | undefined;
  let model: ModelStub | undefined;
  before(async () => {
    cluster = await startRedisCluster();
  });
  after(() => cluster?.[Symbol.asyncDispose]());
  beforeEach(async (context) => {
    const started = await startModelStub();
    model = started;
    if ("after" in context) context.after(() => started[Symbol.asyncDispose]());
  });
  return {
    get cluster() {
      assert(cluster !== undefined);
      return cluster;
    },
    get model() {
      assert(model !== undefined);
      return model;
    },
    start(env = {}) {
      return startService({ BW_REDIS_NODES: this.cluster.addresses, BW_MODEL_URL: this.model.url, ...env });
    },
    async askAndStore(service, question, fields) {
      const reply = await service.ask(question, fields);
      assert.equal(reply.status, 200);
      const key = keyOf(question);
      await eventually(async () => (await this.cluster.nodeOf(key).redis.exists(key)) === 1);
      return reply;
    },
  };
}

let questions = 0;

/** A question nobody asked before. */
export function freshQuestion(): string {
  return `Question ${process.pid}.${++questions}`;
}

export function keyOf(question: string, tenant = "public"): string {
  return cacheKey(tenant, requestFor(question), "1");
}

/** The text of a plain completion. */
export function contentOf(body: string): unknown {
  return JSON.parse(body).choices[0].message.content;
}
