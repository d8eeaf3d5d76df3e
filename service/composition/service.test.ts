import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { readConfig } from "../config/config.ts";
import { createLog } from "../telemetry/log.ts";
import { compose, type Service } from "./service.ts";

/** With neither a model nor Redis: nobody listens there. */
const alone = { BW_MODEL_URL: "http://127.0.0.1:1", BW_PORT: "0" };
const withoutRedis = { ...alone, BW_REDIS_NODES: "127.0.0.1:1" };

/** A service that is stopped once: by its test, or after it. */
function composed(context: TestContext, env: Readonly<Record<string, string>>): Service {
  const service = compose(readConfig(env), createLog("silent"));
  let stopped: Promise<boolean> | undefined;
  const stop = () => (stopped ??= service.stop());
  context.after(stop);
  return { ...service, stop };
}

async function readiness({ server }: Service): Promise<[status: number, said: unknown]> {
  const address = server.address();
  assert(typeof address === "object" && address !== null);
  const reply = await fetch(`http://127.0.0.1:${address.port}/health/ready`);
  return [reply.status, JSON.parse(await reply.text()).status];
}

test("as long as it waits for Redis it is live, and not ready yet", async (context) => {
  const service = composed(context, { ...withoutRedis, BW_START_WAIT_MS: "3000", BW_DRAIN_NOTICE_MS: "0" });
  const listening = once(service.server, "listening");
  const started = service.start();
  await listening;
  assert.deepEqual(await readiness(service), [503, "starting"]);
  await started;
  assert.deepEqual(await readiness(service), [200, "ready"]);
});

test("stopped while it still waits for Redis: starting comes to its end without an error", async (context) => {
  const service = composed(context, { ...withoutRedis, BW_START_WAIT_MS: "1000", BW_DRAIN_NOTICE_MS: "0" });
  const listening = once(service.server, "listening");
  const started = service.start();
  await listening;
  assert.equal(await service.stop(), true);
  await started;
});

test("stopped while it starts: it does not become ready any more", async (context) => {
  const service = composed(context, { ...alone, BW_DRAIN_NOTICE_MS: "3000" });
  const stopped = once(service.server, "listening").then(() => service.stop());
  await service.start();
  assert.deepEqual(await readiness(service), [503, "draining"]);
  assert.equal(await stopped, true);
});
