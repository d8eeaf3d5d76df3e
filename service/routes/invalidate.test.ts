import assert from "node:assert/strict";
import { test } from "node:test";
import { cacheKey } from "../cache/keys.ts";
import { keyScope } from "../invalidation/scopes.ts";
import { freshQuestion } from "../testing/dependencies.ts";
import { invalidate } from "../testing/invalidating.ts";
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
