import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { freshQuestion } from "./testing/dependencies.ts";
import { type ModelStub, startModelStub, stubAnswer } from "./testing/model-stub.ts";
import { eventually } from "./testing/redis-cluster.ts";
import { type Reply, requestFor, type ServiceUnderTest, startService } from "./testing/service-under-test.ts";

let model: ModelStub;
beforeEach(async (context) => {
  model = await startModelStub();
  if ("after" in context) context.after(() => model[Symbol.asyncDispose]());
});

/** Without Redis: these are about the request and the model. */
const start = (env: Record<string, string> = {}) => startService({ BW_MODEL_URL: model.url, ...env });
const ask = (service: ServiceUnderTest, headers: Record<string, string> = {}, fields = {}) =>
  service.post(JSON.stringify({ ...requestFor(freshQuestion()), ...fields }), headers);

/** Every call of the model by how it ended; those that did not happen are left out. */
async function outcomes(service: ServiceUnderTest): Promise<Record<string, number>> {
  const { text } = await service.get("/metrics");
  const counted = text.matchAll(/^dependency_calls_total\{dependency="model",outcome="([\w-]+)"\} (\d+)$/gm);
  return Object.fromEntries([...counted].map(([, outcome = "", calls]) => [outcome, Number(calls)]));
}
const retries = (service: ServiceUnderTest, decision: string) =>
  service.metric(`retries_total{dependency="model",decision="${decision}"}`);
const breakerState = (service: ServiceUnderTest) => service.metric('breaker_state{dependency="model"}');

/** What the caller is told: status, code and Retry-After. */
const told = ({ status, text, retryAfter }: Reply) => [
  status,
  status === 200 ? undefined : JSON.parse(text).error.code,
  retryAfter,
];

/** Callers that wait for the model, until they leave. */
async function waiting(service: ServiceUnderTest, howMany: number, headers: Record<string, string> = {}) {
  model.mode = "silent";
  const before = model.requests.length;
  const callers = new AbortController();
  const replies = Array.from({ length: howMany }, () =>
    fetch(`${service.url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(requestFor(freshQuestion())),
      signal: callers.signal,
    }).catch(() => undefined),
  );
  await eventually(() => model.requests.length === before + howMany);
  return async () => {
    callers.abort();
    await Promise.all(replies);
  };
}

/** So patient that nothing but what a test is about ends its calls. */
const patient = { BW_DEADLINE_MS: "30000", BW_MODEL_TIMEOUT_MS: "20000", BW_MODEL_QUEUE: "0" };

const low = { "x-priority": "low" };

describe("who is told what, and as what it counts", () => {
  test("a caller who left is told nothing, and is nobody's failure", async () => {
    await using service = await start({ ...patient, BW_BREAKER_MINIMUM_CALLS: "1" });
    const leave = await waiting(service, 20);
    await leave();
    await eventually(async () => (await outcomes(service))["cancelled"] === 20);
    assert.deepEqual(await outcomes(service), { cancelled: 20 });
    assert.equal(await breakerState(service), 0);
    const left = 'http_request_duration_seconds_count{route="chat-completions",status="499"}';
    assert.equal(await service.metric(left), 20);
    // Neither did the limit learn anything, nor was anything tried again; and their places are free.
    assert.equal(await service.metric('concurrency_limit{of="model"}'), 25);
    assert.equal(await service.metric('concurrency_in_flight{of="model"}'), 0);
    assert.equal(await service.metric('concurrency_in_flight{of="service"}'), 0);
    assert.equal(model.requests.length, 20);
    await eventually(() => model.abandoned === 20);
  });

  test("a deadline that passed: 504, no Retry-After, and no failure of the model", async () => {
    await using service = await start({ ...patient, BW_BREAKER_MINIMUM_CALLS: "1" });
    model.mode = "silent";
    const reply = await ask(service, { "x-request-deadline-ms": "100" });
    assert.deepEqual(told(reply), [504, "deadline_exceeded", null]);
    await eventually(async () => (await outcomes(service))["deadline"] === 1);
    assert.equal(await breakerState(service), 0);
    await eventually(() => model.abandoned === 1);
  });

  test("what is in vain to repeat says so to the clients that repeat any 5xx", async () => {
    await using service = await start();
    const askOnce = async (headers: Record<string, string>) => {
      const response = await fetch(`${service.url}/v1/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify(requestFor(freshQuestion())),
      });
      await response.text();
      return [response.status, response.headers.get("x-should-retry")];
    };
    assert.deepEqual(await askOnce({ "cache-control": "only-if-cached" }), [504, "false"]);
    model.mode = "silent";
    assert.deepEqual(await askOnce({ "x-request-deadline-ms": "100" }), [504, "false"]);
    model.mode = "error";
    assert.deepEqual(await askOnce({}), [502, null]);
  });

  test("probes that impatient callers give up on do not keep the breaker open for a patient one", async () => {
    await using service = await start({
      ...{ ...patient, BW_RETRY: "off", BW_BREAKER_MINIMUM_CALLS: "1", BW_MODEL_BREAKER_OPEN_MS: "1000" },
      ...{ BW_MODEL_SLOW_MS: "19000", BW_BREAKER_PROBE_MS: "30000" },
    });
    model.mode = "error";
    assert.equal((await ask(service)).status, 502);
    model.mode = "ok";
    model.delayMs = 500;
    const gaveUp = async () => (await outcomes(service))["deadline"] ?? 0;
    await eventually(async () => {
      await ask(service, { "x-request-deadline-ms": "100" });
      return (await gaveUp()) >= 3;
    });
    await eventually(async () => (await service.metric('concurrency_in_flight{of="model"}')) === 0);
    assert.equal((await ask(service)).status, 200);
    assert.equal(await breakerState(service), 0);
  });

  const limitOf = (service: ServiceUnderTest) => service.metric('concurrency_limit{of="model"}');
  const askWithin = (service: ServiceUnderTest, ms: number, howMany: number) =>
    Promise.all(Array.from({ length: howMany }, () => ask(service, { "x-request-deadline-ms": String(ms) })));

  test("deadlines that pass beyond the target tell the limit that the model cannot carry so much", async () => {
    await using service = await start({ ...patient, BW_MODEL_TARGET_MS: "100" });
    model.mode = "silent";
    await askWithin(service, 800, 25);
    await eventually(async () => (await limitOf(service)) === 12);
  });

  test("deadlines that pass before the target say nothing: one tenant's haste does not limit the others", async () => {
    await using service = await start({ ...patient, BW_MODEL_TARGET_MS: "15000" });
    model.mode = "silent";
    for (let i = 0; i < 4; i++) await askWithin(service, 200, 25);
    await eventually(async () => ((await outcomes(service))["deadline"] ?? 0) >= 50);
    assert.equal(await limitOf(service), 25);
  });

  test("an attempt that took too long: 504 model_timeout, not made again; a long deadline makes it no longer", async () => {
    await using service = await start({ BW_MODEL_TIMEOUT_MS: "100" });
    model.mode = "silent";
    assert.deepEqual(told(await ask(service)), [504, "model_timeout", "1"]);
    const patientOne = await ask(service, { "x-request-deadline-ms": "30000" });
    assert.deepEqual(told(patientOne), [504, "model_timeout", "1"]);
    assert.deepEqual(await outcomes(service), { timeout: 2 });
  });

  test("a full bulkhead: 503 overloaded, at once, and no failure of the model", async () => {
    await using service = await start({
      ...{ ...patient, BW_MODEL_CONCURRENCY: "2", BW_ADAPTIVE: "off" },
      BW_BREAKER_MINIMUM_CALLS: "1",
    });
    const leave = await waiting(service, 2);
    for (let i = 0; i < 20; i++) assert.deepEqual(told(await ask(service)), [503, "overloaded", "1"]);
    assert.deepEqual(await outcomes(service), { "bulkhead-full": 20 });
    assert.deepEqual([await breakerState(service), model.requests.length], [0, 2]);
    await leave();
    await eventually(async () => (await service.metric('concurrency_in_flight{of="model"}')) === 0);
    model.mode = "ok";
    assert.equal((await ask(service)).status, 200);
  });

  test("whoever waits for a place gets one as it becomes free, and leaving frees the place in the queue", async () => {
    await using service = await start({
      ...{ ...patient, BW_MODEL_CONCURRENCY: "1", BW_MODEL_QUEUE: "1", BW_ADAPTIVE: "off" },
    });
    const waits = () => service.metric('concurrency_waiting{of="model"}');
    const leave = await waiting(service, 1);
    assert.equal((await ask(service, { "x-request-deadline-ms": "100" })).status, 504);
    await eventually(async () => (await waits()) === 0);
    const queued = ask(service);
    await eventually(async () => (await waits()) === 1);
    assert.deepEqual(told(await ask(service)), [503, "overloaded", "1"]);
    model.mode = "ok";
    await leave();
    assert.equal((await queued).status, 200);
  });

  test("an open breaker: 503 model_unavailable, with the time until it probes", async () => {
    await using service = await start({
      ...{ BW_RETRY: "off", BW_BREAKER_MINIMUM_CALLS: "1", BW_MODEL_BREAKER_OPEN_MS: "60000" },
    });
    model.mode = "error";
    assert.deepEqual(told(await ask(service)), [502, "model_failed", "1"]);
    assert.deepEqual(told(await ask(service)), [503, "model_unavailable", "60"]);
    assert.deepEqual(await outcomes(service), { error: 1, "breaker-open": 1 });
    assert.equal(await service.metric('breaker_transitions_total{dependency="model",state="open"}'), 1);
  });

  test("calls that succeed slowly open the breaker", async () => {
    await using service = await start({ BW_MODEL_SLOW_MS: "50", BW_BREAKER_MINIMUM_CALLS: "3" });
    model.delayMs = 60;
    for (let i = 0; i < 3; i++) assert.equal((await ask(service)).status, 200);
    assert.deepEqual(told(await ask(service)), [503, "model_unavailable", "1"]);
  });

  for (const stream of [false, true]) {
    const how = stream ? "streamed" : "whole";
    test(`an answer without text, ${how}: 200, nothing that is stored, and no failure of the model`, async () => {
      await using service = await start({ BW_BREAKER_MINIMUM_CALLS: "1", BW_CACHE_L1: "on" });
      const question = freshQuestion();
      model.mode = "no-text";
      model.finishReason = "length";
      for (let i = 0; i < 5; i++) {
        const { status, cache, text } = await service.ask(question, { stream });
        assert.deepEqual([status, cache], [200, "miss"]);
        assert.match(text, /"finish_reason":"length"/);
        if (!stream) assert.equal(JSON.parse(text).choices[0].message.content, "");
      }
      assert.deepEqual(await outcomes(service), { ok: 5 });
      assert.equal(await breakerState(service), 0);
      model.mode = "ok";
      assert.equal((await service.ask(question, { stream })).cache, "miss");
      assert.equal((await service.ask(question, { stream })).cache, "hit");
    });
  }

  test("a request that is shed: 503 overloaded, low priority first, and the model is not called", async () => {
    await using service = await start({ ...patient, BW_SHED_MAX_REQUESTS: "10" });
    const shed = (priority: string) => service.metric(`shed_requests_total{priority="${priority}"}`);
    const leave = await waiting(service, 7);
    assert.equal(await service.metric('concurrency_in_flight{of="service"}'), 7);
    assert.deepEqual(told(await ask(service, low)), [503, "overloaded", "1"]);
    const leaveToo = await waiting(service, 2);
    assert.deepEqual(told(await ask(service)), [503, "overloaded", "1"]);
    model.mode = "ok";
    assert.equal((await ask(service, { "x-priority": "high" })).status, 200);
    assert.deepEqual([await shed("low"), await shed("normal"), await shed("high")], [1, 1, 0]);
    assert.deepEqual([await outcomes(service), model.requests.length], [{ ok: 1 }, 10]);
    await Promise.all([leave(), leaveToo()]);
  });

  const places = { BW_MODEL_CONCURRENCY: "6", BW_MODEL_QUEUE: "4", BW_ADAPTIVE: "off" };

  test("a flood of low priority does not take the model's places from the rest", async () => {
    await using service = await start({ ...patient, ...places });
    const leave = await waiting(service, 6, low);
    const queued = ask(service, low);
    await eventually(async () => (await service.metric('concurrency_waiting{of="model"}')) === 1);
    assert.deepEqual(told(await ask(service, low)), [503, "overloaded", "1"]);
    const normal = ask(service);
    await eventually(async () => (await service.metric('concurrency_waiting{of="model"}')) === 2);
    model.mode = "ok";
    await leave();
    assert.deepEqual([(await queued).status, (await normal).status], [200, 200]);
  });

  test("a caller who is not of low priority does not join the call of one who is", async () => {
    await using service = await start({ ...patient, ...places });
    const leave = await waiting(service, 6, low);
    await using _ = { [Symbol.asyncDispose]: leave };
    const question = JSON.stringify(requestFor(freshQuestion()));
    const queued = service.post(question, low);
    await eventually(async () => (await service.metric('concurrency_waiting{of="model"}')) === 1);
    const normal = service.post(question);
    // It has a call of its own, which nobody's low priority can end.
    await eventually(async () => (await service.metric('concurrency_waiting{of="model"}')) === 2);
    model.mode = "ok";
    await leave();
    assert.deepEqual([(await normal).status, (await queued).status], [200, 200]);
  });

  test("while the event loop is late, fewer requests are taken; what the model takes does not count", async () => {
    const env = { BW_SHED_MAX_REQUESTS: "40", BW_SHED_LOOP_DELAY_MS: "60", BW_TENANT_LIMIT: "off" };
    await using service = await start(env);
    const limit = () => service.metric('concurrency_limit{of="service"}');
    model.delayMs = 100;
    const askMany = () => Promise.all(Array.from({ length: 15 }, () => ask(service)));
    for (let i = 0; i < 4; i++) await askMany();
    assert.equal(await limit(), 40);
    // The service is in this process: whatever blocks it, blocks that.
    const busy = setInterval(() => {
      const until = performance.now() + 150;
      while (performance.now() < until);
    }, 1);
    try {
      await eventually(async () => {
        await askMany();
        return (await limit()) < 40;
      });
    } finally {
      clearInterval(busy);
    }
  });

  test("BW_SHED=off: all are taken", async () => {
    await using service = await start({ ...patient, BW_SHED: "off", BW_SHED_MAX_REQUESTS: "1" });
    const leave = await waiting(service, 9);
    // What is wrong is wrong, whether or not it would make a difference.
    assert.equal((await ask(service, { "x-priority": "urgent" })).status, 400);
    await leave();
  });

  test("BW_SHED=off: priorities make no difference", async () => {
    await using service = await start({ ...patient, ...places, BW_SHED: "off" });
    const leave = await waiting(service, 6, low);
    const queued = Array.from({ length: 4 }, () => ask(service, low));
    await eventually(async () => (await service.metric('concurrency_waiting{of="model"}')) === 4);
    assert.deepEqual(told(await ask(service)), [503, "overloaded", "1"]);
    model.mode = "ok";
    await leave();
    for (const answer of queued) assert.equal((await answer).status, 200);
  });

  test("a refusal of the model is the caller's error, and is not repeated", async () => {
    await using service = await start({ BW_BREAKER_MINIMUM_CALLS: "1" });
    model.mode = "error";
    model.errorStatus = 422;
    assert.deepEqual(told(await ask(service)), [422, "context_length", null]);
    assert.deepEqual([await outcomes(service), await breakerState(service)], [{ refused: 1 }, 0]);
  });
});

describe("retries", () => {
  test("what found no place at the model earns no retries", async () => {
    const env = { BW_MODEL_CONCURRENCY: "1", BW_ADAPTIVE: "off", BW_BREAKER: "off", BW_RETRY_BASE_MS: "1" };
    await using service = await start({ ...patient, ...env });
    model.mode = "error";
    await eventually(async () => {
      await ask(service);
      return (await retries(service, "budget-exhausted")) > 0;
    });
    const leave = await waiting(service, 1);
    for (let i = 0; i < 60; i++) assert.equal((await ask(service)).status, 503);
    await leave();
    model.mode = "error";
    const before = await retries(service, "retried");
    // What is left of a budget that is used up, and what three calls earn, may be one; sixty would have filled it.
    for (let i = 0; i < 3; i++) await ask(service);
    assert((await retries(service, "retried")) - before <= 1);
  });

  test("what failed for a passing reason is asked again, and the caller sees none of it", async () => {
    await using service = await start();
    model.mode = "error";
    model.errorsLeft = 2;
    assert.equal((await ask(service)).status, 200);
    assert.deepEqual([await outcomes(service), await retries(service, "retried")], [{ error: 2, ok: 1 }, 2]);
  });

  test("BW_RETRY=off: nothing is asked again", async () => {
    await using service = await start({ BW_RETRY: "off" });
    model.mode = "error";
    model.errorsLeft = 1;
    assert.deepEqual(told(await ask(service)), [502, "model_failed", "1"]);
    assert.equal(model.requests.length, 1);
  });

  test("once a piece of the answer is out, nothing is asked again", async () => {
    await using service = await start();
    model.mode = "break-stream";
    const { text } = await ask(service, {}, { stream: true });
    assert(text.includes(stubAnswer(1).slice(0, 6)) && !text.includes("[DONE]"));
    assert.deepEqual([model.requests.length, await retries(service, "retried")], [1, 0]);
  });

  for (const status of [400, 401, 404]) {
    test(`status ${status} will be the same again, and is not asked for`, async () => {
      await using service = await start();
      model.mode = "error";
      model.errorStatus = status;
      await ask(service);
      assert.equal(model.requests.length, 1);
    });
  }

  test("Retry-After beyond the deadline: no retry, and the caller is told when to come back", async () => {
    await using service = await start();
    model.mode = "error";
    model.errorStatus = 429;
    model.errorRetryAfter = "7";
    assert.deepEqual(told(await ask(service)), [503, "model_unavailable", "7"]);
    assert.deepEqual([model.requests.length, await retries(service, "deadline-too-near")], [1, 1]);
  });

  test("an outage costs the model a fifth more calls at most, and the burst", async () => {
    await using service = await start({ BW_BREAKER: "off", BW_RETRY_BASE_MS: "1", BW_RETRY_BURST: "5" });
    model.mode = "error";
    for (let i = 0; i < 100; i++) await ask(service);
    const made = await retries(service, "retried");
    assert.equal(model.requests.length, 100 + made);
    assert(made >= 20 && made <= 25, `${made} retries`);
    assert((await retries(service, "budget-exhausted")) > 0);
  });
});

describe("deadlines", () => {
  test("the model is told what is left, of the caller's time or of the default, at each attempt", async () => {
    await using service = await start({ BW_RETRY_BASE_MS: "1" });
    model.mode = "error";
    model.errorsLeft = 1;
    await ask(service, { "x-request-deadline-ms": "10000" });
    const [first = 0, second = 0] = model.deadlines;
    // And the moment more that leaves the 504 to the service.
    assert(first > 2100 && first <= 10_100 && second <= first, model.deadlines.join());
    await ask(service);
    assert((model.deadlines[2] ?? 0) <= 2100);
  });

  test("more than the maximum is the maximum; BW_TIMEOUT=off: there is none, whatever is asked", async () => {
    {
      await using service = await start({ BW_DEADLINE_MAX_MS: "5000" });
      await ask(service, { "x-request-deadline-ms": "9".repeat(30) });
      assert((model.deadlines[0] ?? 0) <= 5100);
    }
    await using service = await start({ BW_TIMEOUT: "off" });
    model.delayMs = 100;
    assert.equal((await ask(service, { "x-request-deadline-ms": "1" })).status, 200);
    assert.equal(model.deadlines[1], undefined);
  });

  test("absurd ones, and unknown priorities, are the caller's error", async () => {
    await using service = await start();
    for (const [header, value, code] of [
      ["x-request-deadline-ms", "0", "invalid_deadline"],
      ["x-request-deadline-ms", "-5", "invalid_deadline"],
      ["x-request-deadline-ms", "soon", "invalid_deadline"],
      ["x-request-deadline-ms", "100, 200", "invalid_deadline"],
      ["x-priority", "urgent", "invalid_priority"],
      ["x-priority", "constructor", "invalid_priority"],
    ] as const) {
      const reply = await ask(service, { [header]: value });
      assert.deepEqual([...told(reply), JSON.parse(reply.text).error.param], [400, code, null, header]);
    }
    assert.equal(model.requests.length, 0);
  });
});
