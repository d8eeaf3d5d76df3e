import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../testing/redis-cluster.ts";
import { startService } from "../testing/service-under-test.ts";

test("a request's duration is told in seconds, and no header tells what the server is made of", async () => {
  await using service = await startService({ BW_MODEL_URL: "http://127.0.0.1:1" });
  const began = performance.now();
  const reply = await fetch(`${service.url}/v1/models`);
  await reply.text();
  let told = 0;
  await eventually(async () => {
    told = await service.metric('http_request_duration_seconds_sum{route="models",status="200"}');
    return told > 0;
  });
  assert(told <= (performance.now() - began) / 1000, `${told} s`);
  for (const header of ["x-powered-by", "server"]) assert.equal(reply.headers.get(header), null);
});
