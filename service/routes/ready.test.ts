import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import express from "express";
import { type Readiness, ready } from "./ready.ts";

test("requests are to be sent to a service that is ready, and to no other", async () => {
  let readiness: Readiness = "starting";
  const server = createServer(
    express().get(
      "/",
      ready(() => readiness),
    ),
  ).listen(0, "127.0.0.1");
  try {
    await once(server, "listening");
    const address = server.address();
    assert(typeof address === "object" && address !== null);
    for (const [state, expected] of [
      ["starting", 503],
      ["ready", 200],
      ["draining", 503],
    ] as const) {
      readiness = state;
      const response = await fetch(`http://127.0.0.1:${address.port}/`);
      assert.deepEqual([response.status, await response.json()], [expected, { status: state }]);
    }
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
