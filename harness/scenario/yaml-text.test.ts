import assert from "node:assert/strict";
import { test } from "node:test";
import { parseYaml } from "./yaml-text.ts";

test("each part has its place: the key's, the value's, or for what is missing that of its parent", () => {
  const text = ["load:", "  rate: 200/s", "faults:", "  - kind: latency", "    delay: 1s"].join("\n");
  const { place, problems } = parseYaml(text);
  assert.deepEqual(problems, []);
  assert.deepEqual(place(["load", "rate"], "value"), { line: 2, column: 9 });
  assert.deepEqual(place(["load", "rate"], "key"), { line: 2, column: 3 });
  assert.deepEqual(place(["load", "keys"], "value"), { line: 1, column: 1 });
  assert.deepEqual(place(["faults", 0, "delay"], "value"), { line: 5, column: 12 });
  assert.deepEqual(place(["faults", 0, "target", "store"], "value"), { line: 4, column: 5 });
  assert.deepEqual(place(["faults", 1], "value"), { line: 3, column: 1 });
  assert.deepEqual(place(["title"], "value"), { line: 1, column: 1 });
});

test("a place is found through an alias", () => {
  const { place, input } = parseYaml("a: &both { x: 1, y: 2 }\nb: *both\n");
  assert.deepEqual(input, { a: { x: 1, y: 2 }, b: { x: 1, y: 2 } });
  assert.deepEqual(place(["b", "y"], "value"), { line: 1, column: 21 });
});

test("a repeated key is a problem, and the rest is still understood", () => {
  const { problems, input } = parseYaml("seed: 1\ntitle: x\nseed: 2\n");
  assert.deepEqual(
    problems.map(({ line, column }) => ({ line, column })),
    [{ line: 3, column: 1 }],
  );
  assert.notEqual(input, undefined);
});

const unreadable: Readonly<Record<string, string>> = {
  "a flow list that is not closed": "a: [1, 2\nb: 3\n",
  "a tab as indentation": "a:\n\tb: 1\n",
  "a second document": "a: 1\n---\nb: 2\n",
  "an unknown tag": "a: !!js/function x\n",
  "an alias of nothing": "a: *nothing\n",
  "aliases that multiply": [
    "a: &a [x, x, x, x, x, x, x, x, x]",
    ..."bcdefghi".split("").map((name, i) => `${name}: &${name} [${Array(9).fill(`*${"abcdefgh"[i]}`)}]`),
  ].join("\n"),
  "nesting without end": "[".repeat(100_000),
};

for (const [what, text] of Object.entries(unreadable)) {
  test(`${what} is a problem with a place, not an exception`, () => {
    const { problems, input } = parseYaml(text);
    assert.equal(input, undefined);
    assert.ok(problems.length > 0);
    for (const { line, column } of problems) assert.ok(line >= 1 && column >= 1);
  });
}
