import assert from "node:assert/strict";
import { test } from "node:test";
import { dependencies } from "../testing/dependencies.ts";
import { invalidate } from "../testing/invalidating.ts";

const given = dependencies();

test("a tenant's share of the marks: that of one tenant, however many keys it has, with one left for all", async () => {
  await using service = await given.start({
    ...{ BW_REDIS_NODES: "", BW_CACHE_L1: "on", BW_INVALIDATION_MAX_MARKS: "12" },
    BW_API_KEYS: "a:key-1,a:key-2,b:key-3",
  });
  const byTag = async (tag: number) => {
    const headers = { authorization: "Bearer key-1" };
    return (await invalidate(service, { tag: `t${tag}` }, headers)).scopes;
  };
  // A third of 12.
  for (let tag = 1; tag <= 4; tag++) assert.deepEqual(await byTag(tag), [`tag:a:t${tag}`]);
  assert.equal(await service.metric("invalidation_marks"), 4);
  assert.deepEqual(await byTag(5), ["tenant:a"]);
});
