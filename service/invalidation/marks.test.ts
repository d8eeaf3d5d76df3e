import assert from "node:assert/strict";
import { test } from "node:test";
import { createMarks, type Knowledge } from "./marks.ts";

const knowledge = (seq: number, marks: Readonly<Record<string, number>>, floor = 0): Knowledge => ({
  ...{ seq, floor },
  marks: new Map(Object.entries(marks)),
});
const entry = (epoch: number, ...scopes: string[]) => ({ epoch, scopes });

function marks(maxMarks = 100) {
  const learnt: string[] = [];
  return { ...createMarks(maxMarks, (scope) => learnt.push(scope)), learnt };
}

test("an older reply takes nothing back: no mark, no floor, nothing that was known in full; and tells nothing twice", () => {
  const { learn, isCurrent, epoch, complete, floor, learnt } = marks();
  learn(knowledge(9, { a: 9 }, 5));
  learn(knowledge(7, { a: 7, b: 6 }, 4));
  assert.deepEqual([epoch(), complete(), floor(), learnt], [9, 9, 5, ["a", "b"]]);
  assert.deepEqual(
    [isCurrent(entry(8, "a")), isCurrent(entry(4, "c")), isCurrent(entry(5, "c"))],
    [false, false, true],
  );
});

test("what is heard holds at once, though others in between were not; what is made from then on is current", () => {
  const { learn, hear, isCurrent, epoch, complete } = marks();
  learn(knowledge(1, {}));
  assert.equal(hear({ seq: 9, previous: 5, floor: 0, scopes: ["a"] }), "gap");
  assert(!isCurrent(entry(8, "a")));
  assert(isCurrent(entry(epoch(), "a")));
  assert.equal(complete(), 1);
});

test("news that follow what is known in full leave nothing to ask for, and bring the floor", () => {
  const { learn, hear, isCurrent, complete } = marks();
  learn(knowledge(5, { b: 2 }));
  assert.equal(hear({ seq: 9, previous: 5, floor: 3, scopes: ["a"] }), "ok");
  assert.equal(complete(), 9);
  assert.deepEqual([isCurrent(entry(2, "c")), isCurrent(entry(3, "c"))], [false, true]);
  assert.equal(hear({ seq: 9, previous: 5, floor: 3, scopes: ["a"] }), "ok", "the same again");
});

test("news without a number before it are a gap, also to one that knows nothing", () => {
  assert.equal(marks().hear({ seq: 9, previous: 0, floor: 0, scopes: [] }), "gap");
});

test("a number that was known in full already, and is new here for its scope: the numbers were set back", () => {
  const { learn, hear } = marks();
  learn(knowledge(9, { a: 9 }));
  assert.equal(hear({ seq: 9, previous: 8, floor: 0, scopes: ["b"] }), "back");
});

test("over their number the oldest marks are dropped, and all that is older than the latest of those is invalid", () => {
  const { learn, size, floor, isCurrent } = marks(2);
  learn(knowledge(9, { a: 9, b: 3, c: 7, d: 5 }));
  assert.deepEqual([size(), floor()], [2, 5]);
  assert.deepEqual([isCurrent(entry(4, "x")), isCurrent(entry(5, "x"))], [false, true]);
  assert.deepEqual([isCurrent(entry(6, "c")), isCurrent(entry(8, "a"))], [false, false]);
});

test("what another knows and what it lacks are told apart: up to what is known in full here, and the floor it has", () => {
  const { learn, difference } = marks();
  learn(knowledge(9, { a: 9, b: 6, c: 3 }, 2));
  const { late, lost } = difference(knowledge(12, { b: 6, d: 8, e: 12 }, 4));
  assert.deepEqual(late, ["d"]);
  assert.deepEqual([lost.seq, lost.floor, [...lost.marks]], [9, 0, [["a", 9]]]);
  assert.equal(difference(knowledge(12, {}, 1)).lost.floor, 2);
});

test("up to a number the marks and the floor count that are not above it", () => {
  const { learn, upTo } = marks();
  learn(knowledge(9, { a: 9, b: 6 }, 3));
  assert.deepEqual([9, 8, 3, 2].map(upTo), [
    { count: 2, highest: 9 },
    { count: 1, highest: 6 },
    { count: 0, highest: 3 },
    { count: 0, highest: 0 },
  ]);
});
