import assert from "node:assert/strict";
import { test } from "node:test";
import { Cluster } from "ioredis";
import type { Policy } from "../resilience/policy.ts";
import { redisTier } from "./redis.ts";
import type { Entry } from "./tier.ts";

const { signal } = new AbortController();
const entry: Entry<string> = {
  ...{ value: "v", storedAt: 0, freshForMs: 1, computeMs: 0, epoch: 0, scopes: [] },
};

test("an entry is encoded before the shard's guard is entered: neither its error nor its time is the shard's", async (context) => {
  let inGuard = false;
  const encodedIn: boolean[] = [];
  let calls = 0;
  const guarded: Policy = (call) => async (inner) => {
    calls++;
    inGuard = true;
    try {
      return await call(inner);
    } finally {
      inGuard = false;
    }
  };
  let tooLarge = true;
  // Never connected: no command leaves it.
  const client = new Cluster([], { lazyConnect: true, enableOfflineQueue: false });
  context.after(() => client.disconnect());
  const tier = redisTier<string>({
    client,
    codec: {
      encode() {
        encodedIn.push(inGuard);
        if (tooLarge) throw new Error("too large");
        return Buffer.from("bytes");
      },
      decode: () => assert.fail(),
    },
    guardOf: () => ({ read: guarded, write: guarded, lease: guarded }),
    staleMs: 0,
    onDamaged: () => assert.fail(),
  });
  await assert.rejects(tier.write("k", entry, signal), /too large/);
  assert.equal(calls, 0);
  tooLarge = false;
  client.disconnect();
  await assert.rejects(tier.write("k", entry, signal));
  assert.equal(calls, 1);
  assert.deepEqual(encodedIn, [false, false]);
});
