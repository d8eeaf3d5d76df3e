import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Pool } from "undici";
import { startModelStub, stubAnswer } from "../testing/model-stub.ts";
import { eventually } from "../testing/redis-cluster.ts";
import { type ServiceProcess, spawnService } from "../testing/service-process.ts";
import { requestFor } from "../testing/service-under-test.ts";

/** How often readiness is asked. Well within BW_DRAIN_NOTICE_MS, as docs/configuration.md asks of a balancer. */
const probeEveryMs = 50;

/** One replica, as a balancer sees it: kept connections, and whether it was ready when last asked. */
class Backend {
  readonly pool: Pool;
  #ready = false;
  readonly #stopped = new AbortController();
  readonly #probing: Promise<void>;

  constructor(url: string) {
    // Whether a connection may be used again is the replica's word (Connection: close), not this side's clock.
    this.pool = new Pool(url, { connections: 20, keepAliveTimeout: 60_000 });
    this.#probing = this.#probe(url);
  }

  get ready(): boolean {
    return this.#ready;
  }

  async #probe(url: string): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      const reply = await fetch(`${url}/health/ready`).catch(() => undefined);
      this.#ready = reply?.status === 200;
      await reply?.text();
      await delay(probeEveryMs);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    await this.#probing;
    await this.pool.destroy();
  }
}

/** Sends each request once, to a backend that is ready, in turn. Nothing is sent again. */
class Balancer {
  readonly backends = new Set<Backend>();
  #turn = 0;

  async send(body: string): Promise<{ status: number; text: string }> {
    const ready = [...this.backends].filter((backend) => backend.ready);
    const backend = ready[this.#turn++ % ready.length];
    if (backend === undefined) throw new Error("no backend is ready");
    const { statusCode, body: reply } = await backend.pool.request({
      ...{ method: "POST", path: "/v1/chat/completions", body },
      headers: { "content-type": "application/json" },
    });
    return { status: statusCode, text: await reply.text() };
  }
}

test("replicas that are restarted one by one under load, several times, lose no request and cut no stream", async () => {
  await using model = await startModelStub();
  model.delayMs = 100;
  await using started = new AsyncDisposableStack();
  const balancer = new Balancer();

  async function startReplica(): Promise<{ service: ServiceProcess; backend: Backend }> {
    const service = started.use(spawnService({ BW_MODEL_URL: model.url, BW_DRAIN_NOTICE_MS: "400" }));
    const backend = started.use(new Backend(await service.url()));
    balancer.backends.add(backend);
    await eventually(() => backend.ready);
    return { service, backend };
  }
  const replicas = [await startReplica(), await startReplica()];

  const failures: string[] = [];
  const underWay = new Set<Promise<void>>();
  let sent = 0;
  async function one(n: number): Promise<void> {
    const stream = n % 2 === 0;
    try {
      const { status, text } = await balancer.send(
        JSON.stringify({ ...requestFor(`Question ${n}`), stream }),
      );
      const whole = stream ? text.endsWith("data: [DONE]\n\n") : text.includes(stubAnswer(1).slice(-20));
      if (status !== 200 || !whole) failures.push(`${n}: ${status} ${text.slice(-100)}`);
    } catch (thrown) {
      failures.push(`${n}: ${String(thrown)}`);
    }
  }
  const load = setInterval(() => {
    const request = one(sent++);
    underWay.add(request);
    void request.finally(() => underWay.delete(request));
  }, 10);

  for (let restart = 0; restart < 6; restart++) {
    const old = replicas.shift();
    assert(old !== undefined);
    old.service.kill("SIGTERM");
    assert.deepEqual(await old.service.exited, [0, null]);
    assert.equal(old.service.log.at(-1)?.finished, true);
    balancer.backends.delete(old.backend);
    replicas.push(await startReplica());
  }
  clearInterval(load);
  await Promise.all(underWay);
  assert.deepEqual(failures, []);
  assert(sent > 300, `${sent} requests`);
});
