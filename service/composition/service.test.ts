import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { readConfig } from "../config/config.ts";
import { createLog } from "../telemetry/log.ts";
import { compose } from "./service.ts";

test("stopped while it still waits for Redis: starting comes to its end without an error", async () => {
  // Nobody listens there.
  const gone = { BW_MODEL_URL: "http://127.0.0.1:1", BW_REDIS_NODES: "127.0.0.1:1" };
  const times = { BW_START_WAIT_MS: "1000", BW_DRAIN_NOTICE_MS: "0" };
  const service = compose(readConfig({ ...gone, ...times, BW_PORT: "0" }), createLog("silent"));
  const listening = once(service.server, "listening");
  const started = service.start();
  await listening;
  assert.equal(await service.stop(), true);
  await started;
});
