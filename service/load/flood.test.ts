import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { runK6 } from "./run-k6.ts";

const script = new URL("./chat.ts", import.meta.url);
const flood = { script, iterations: 3, env: { FLOOD: "4" }, metric: "breakwater_extra" } as const;

async function listening() {
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    request.resume().on("end", () => response.writeHead(503).end());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  const close = () => new Promise((resolve) => server.close(resolve));
  return { url: `http://127.0.0.1:${address.port}`, requests: () => requests, close };
}

test("the script counts the flood that reached the service, whatever it answered", async () => {
  const service = await listening();
  const counted = await runK6({ ...flood, url: service.url });
  assert.deepEqual(
    counted.map(({ tookMs }) => tookMs),
    [4, 4, 4],
  );
  assert.equal(service.requests(), 3 * (1 + 4));
  await service.close();
});

test("a flood that finds no service is none, and without the setting nothing is counted", async () => {
  const service = await listening();
  const without = await runK6({ ...flood, url: service.url, env: {} });
  assert.deepEqual(without, []);
  await service.close();
  const refused = await runK6({ ...flood, url: service.url });
  assert.deepEqual(
    refused.map(({ tookMs }) => tookMs),
    [0, 0, 0],
  );
});

test("a setting that is no number or no priority ends the script, and floods nothing", async () => {
  await assert.rejects(
    runK6({ ...flood, url: "http://127.0.0.1:9", env: { FLOOD: "many" } }),
    /FLOOD.{1,2} is not a number/,
  );
  await assert.rejects(
    runK6({ ...flood, url: "http://127.0.0.1:9", env: { FLOOD: "" } }),
    /FLOOD.{1,2} is not a number/,
  );
  await assert.rejects(
    runK6({ ...flood, url: "http://127.0.0.1:9", env: { FLOOD: "4", FLOOD_PRIORITY: "Low" } }),
    /FLOOD_PRIORITY.{1,2} may be .{1,2}low/,
  );
});
