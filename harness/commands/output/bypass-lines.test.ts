import assert from "node:assert/strict";
import { test } from "node:test";
import { bypassLines } from "./bypass-lines.ts";

test("who looks at a member's port is told once that this passes no link", () => {
  const line = bypassLines();
  assert.match(line({ from: "127.0.0.1:40001", to: "redis-0" }) ?? "", /127\.0\.0\.1 to redis-0/);
  assert.equal(line({ from: "127.0.0.1:40002", to: "redis-1" }), undefined);
  assert.match(line({ from: "127.0.0.2:40001", to: "redis-0" }) ?? "", /127\.0\.0\.2/);
});
