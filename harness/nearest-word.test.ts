import assert from "node:assert/strict";
import { test } from "node:test";
import { nearestWord, wordsInstead } from "./nearest-word.ts";

const kinds = ["blackhole", "kill-node", "latency", "nothing", "pause-node", "refuse"];

test("a mistyped word leads to the one that was meant", () => {
  assert.equal(nearestWord("pauze-node", kinds), "pause-node");
  assert.equal(nearestWord("latnecy", kinds), "latency");
  assert.equal(nearestWord("Kill-Node", kinds), "kill-node");
  assert.equal(nearestWord("kill", kinds), "kill-node");
  assert.equal(nearestWord("plna", ["run", "plan"]), "plan");
  assert.equal(nearestWord("ony", ["one", "all"]), "one");
});

test("a word that is far from all leads to none", () => {
  assert.equal(nearestWord("cpu-burn", kinds), undefined);
  assert.equal(nearestWord("pick", ["link"]), undefined);
  assert.equal(nearestWord("", kinds), undefined);
  assert.equal(nearestWord("x".repeat(1_000_000), kinds), undefined);
});

test("where none is near, all are listed, up to a limit", () => {
  for (const kind of kinds) assert.ok(wordsInstead("cpu-burn", kinds).includes(`"${kind}"`));
  const many = Array.from({ length: 40 }, (_, index) => `candidate-${index}`);
  const listed = wordsInstead("qqq", many);
  assert.ok(listed.includes('"candidate-0"'));
  assert.ok(!listed.includes('"candidate-39"'));
  assert.ok(listed.includes("25 more"));
});
