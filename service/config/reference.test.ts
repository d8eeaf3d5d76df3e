import assert from "node:assert/strict";
import { test } from "node:test";
import { settingNames } from "./config.ts";
import { configurationReference } from "./reference.ts";

test("every setting is listed once, with the values that it takes and what it is for", () => {
  const rows = [...configurationReference().matchAll(/^\| `(BW_\w+)` \| \S.* \| \S.* \| (\S.*) \|$/gm)];
  assert.deepEqual(rows.map(([, name = ""]) => name).sort(), [...settingNames].sort());
});

test("defaults, limits and what is required are those of the schemas", () => {
  const reference = configurationReference();
  assert.match(reference, /`BW_PORT` \| `8080` \| 0 to 65535 \|/);
  assert.match(reference, /`BW_MODEL_URL` \| required \|/);
  assert.match(reference, /`BW_BREAKER` \| `on` \| `on`, `off` \|/);
  assert.match(reference, /`BW_EARLY_REFRESH_BETA` \| `1` \| above 0, below 1000 \|/);
  assert.match(reference, /`BW_CACHE_L1_POLICY` \| `sieve` \| `lru`, `sieve`, `s3-fifo` \|/);
  assert.match(reference, /`BW_TENANT_RATE` \| unset \| 1 to /);
});
