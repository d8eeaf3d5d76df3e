import assert from "node:assert/strict";
import { test } from "node:test";
import { cacheKey } from "../cache/keys.ts";
import { keyScope } from "../invalidation/scopes.ts";
import { freshQuestion } from "../testing/dependencies.ts";
import { invalidate } from "../testing/invalidating.ts";
import { head, RawCaller } from "../testing/raw-caller.ts";
import { eventually } from "../testing/redis-cluster.ts";
import { spawnService } from "../testing/service-process.ts";
import { requestFor, startService } from "../testing/service-under-test.ts";

test("an invalidation that could not be kept is 503, and the log tells why: whoever asked can do nothing about it", async () => {
  await using service = spawnService({
    ...{ BW_MODEL_URL: "http://127.0.0.1:1", BW_REDIS_NODES: "127.0.0.1:1", BW_START_WAIT_MS: "100" },
  });
  const url = await service.url();
  const { status, code, retryAfter } = await invalidate({ url }, { tag: "faq" });
  assert.deepEqual([status, code, retryAfter], [503, "invalidation_unavailable", "1"]);
  await eventually(() => service.log.some((line) => line["code"] === "invalidate"));
  assert.match(String(service.log.find((line) => line["code"] === "invalidate")?.["reason"]), /./);
});

test("a request with messages is one for an answer, whatever else it has", async () => {
  await using service = await startService({ BW_MODEL_URL: "http://127.0.0.1:1" });
  const request = { ...requestFor(freshQuestion()), input: "what a model may know" };
  const { status, scopes } = await invalidate(service, { request });
  assert.equal(status, 200);
  assert.deepEqual(scopes, [keyScope("public", cacheKey("public", request, "1"))]);
});

test("an admin's key for anything but a model: 403", async () => {
  await using service = await startService({
    ...{ BW_MODEL_URL: "http://127.0.0.1:1", BW_ADMIN_KEYS: "admin-key", BW_API_KEYS: "a:key-a" },
  });
  const headers = { authorization: "Bearer admin-key" };
  const refused = await invalidate(service, { tag: "faq" }, headers);
  assert.deepEqual([refused.status, refused.code], [403, "not_a_tenant"]);
});

test("a request is invalidated under the model's present epoch", async () => {
  await using service = await startService({ BW_MODEL_URL: "http://127.0.0.1:1", BW_MODEL_EPOCH: "7" });
  const request = requestFor(freshQuestion());
  const { scopes } = await invalidate(service, { request });
  assert.deepEqual(scopes, [keyScope("public", cacheKey("public", request, "7"))]);
});

test("the deadline counts for an invalidation too: one whose body does not come is answered 504", async () => {
  await using service = await startService({
    ...{ BW_MODEL_URL: "http://127.0.0.1:1", BW_DEADLINE_MS: "300", BW_MODEL_TIMEOUT_MS: "250" },
  });
  const lines = ["content-type: application/json", "content-length: 9"];
  const caller = new RawCaller(service).send(head(lines, "POST /v1/cache/invalidate HTTP/1.1"));
  await eventually(() => caller.received.includes("deadline_exceeded"));
  assert.match(caller.received, /^HTTP\/1.1 504 /);
  caller.socket.destroy();
});
