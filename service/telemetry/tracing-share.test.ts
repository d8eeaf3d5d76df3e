import assert from "node:assert/strict";
import { test } from "node:test";
import { startModelStub } from "../testing/model-stub.ts";
import { ask, type ServiceProcess, spawnService } from "../testing/service-process.ts";
import { startCollector } from "../testing/trace-collector.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";

/** Sends a request that its caller traces, or has decided not to. @returns its id */
async function askWithin(url: string, sampled: boolean): Promise<string> {
  const traceparent = `00-${traceId}-00f067aa0ba902b7-${sampled ? "01" : "00"}`;
  const reply = await fetch(`${url}/v1/models`, { headers: { traceparent } });
  assert.equal(reply.status, 200);
  return reply.headers.get("x-request-id") ?? "";
}

async function stopped(service: ServiceProcess): Promise<void> {
  service.kill("SIGTERM");
  assert.deepEqual(await service.exited, [0, null]);
}

test("BW_TRACING_SHARE next to none: only what its caller traces already is traced", async () => {
  await using model = await startModelStub();
  await using collector = await startCollector();
  await using service = spawnService({
    ...{ BW_MODEL_URL: model.url, ...collector.env, BW_TRACING_SHARE: "0.000000001" },
  });
  const url = await service.url();
  for (let i = 0; i < 20; i++) assert.equal((await ask(url, `${i}`)).status, 200);
  const traced = await askWithin(url, true);
  await stopped(service);
  assert.deepEqual(
    collector.spans.map(({ attributes }) => attributes["breakwater.request_id"]),
    [traced],
  );
});

test("BW_TRACING_SHARE=1: what its caller has decided not to trace is not traced", async () => {
  await using model = await startModelStub();
  await using collector = await startCollector();
  await using service = spawnService({ BW_MODEL_URL: model.url, ...collector.env });
  const url = await service.url();
  await askWithin(url, false);
  const traced = await askWithin(url, true);
  await stopped(service);
  assert.deepEqual(
    collector.spans.map(({ attributes }) => attributes["breakwater.request_id"]),
    [traced],
  );
});

test("what was traced last is sent before the service has stopped; of a call that many share, each tells it", async () => {
  await using model = await startModelStub();
  await using collector = await startCollector();
  await using service = spawnService({ BW_MODEL_URL: model.url, ...collector.env });
  const url = await service.url();
  model.delayMs = 300;
  const replies = await Promise.all(Array.from({ length: 10 }, () => ask(url, "the same")));
  await stopped(service);
  assert.equal(model.requests.length, 1);
  const decided = new Map(
    collector.spans.map(({ attributes }) => [
      attributes["breakwater.request_id"],
      attributes["breakwater.decided_by"],
    ]),
  );
  const coalesced = replies.map(({ headers }) => headers.get("x-coalesced"));
  assert.equal(coalesced.filter((through) => through === "process").length, 9);
  for (const [i, { headers }] of replies.entries()) {
    const by = coalesced[i] === null ? "model" : `coalesced-${coalesced[i]}`;
    assert.equal(decided.get(headers.get("x-request-id") ?? ""), by);
  }
});
