import assert from "node:assert/strict";
import { basename } from "node:path";
import { test } from "node:test";
import { cachedFolders } from "./cache.ts";
import { temporaryHost } from "./temporary-host.ts";

test("cachedFolders() lists what fits this machine, the newest version first", async () => {
  await using temporary = await temporaryHost();
  const kept = ["1.9.0", "1.8.1", "2.1.0", "1.10.0", "1.8.0", "10.0.0"].map(
    (version) => `${version}-linux-x64`,
  );
  for (const entry of [...kept, "3.0.0-linux-arm64", "3.0.0-darwin-x64"]) {
    await temporary.script("k6", "", `cache/k6/${entry}`);
  }
  const versions = (await cachedFolders(temporary.host, "k6")).map((folder) =>
    basename(folder, "-linux-x64"),
  );
  assert.deepEqual(versions, ["10.0.0", "2.1.0", "1.10.0", "1.9.0", "1.8.1", "1.8.0"]);
});
