import assert from "node:assert/strict";
import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

/** Codes are what users build on: docs/verdicts.md lists each one that the code can give, and no other. */
const root = join(import.meta.dirname, "..");
/** Written like codes, but outcomes and the names of environment variables. */
const notCodes =
  /^(BREAKWATER_.*|K6_.*|BAD_INPUT|HARNESS_ERROR|INCONCLUSIVE|LOG_LEVEL|NO_COLOR|NODE_.*|XDG_.*|LD_LIBRARY_PATH|FORCE_COLOR|DEBIAN_FRONTEND|LC_ALL)$/;

async function codesInSource(): Promise<Set<string>> {
  const codes = new Set(["INTERRUPTED", "UNEXPECTED"]);
  for await (const file of glob("harness/**/*.ts", { cwd: root })) {
    if (file.endsWith(".test.ts") || file.includes("/testing/")) continue;
    const source = await readFile(join(root, file), "utf8");
    for (const [, code = ""] of source.matchAll(/"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)"/g)) {
      if (!notCodes.test(code)) codes.add(code);
    }
  }
  return codes;
}

test("docs/verdicts.md lists every reason code, and no other", async () => {
  const text = await readFile(join(root, "docs/verdicts.md"), "utf8");
  const listed = [...text.matchAll(/^\| `([A-Z0-9_]+)` +\|/gm)].map(([, code = ""]) => code);
  assert.deepEqual([...new Set(listed)].toSorted(), [...(await codesInSource())].toSorted());
});
