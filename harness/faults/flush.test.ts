import assert from "node:assert/strict";
import { test } from "node:test";
import type { Contents } from "../substrates/substrate.ts";
import { fakeDeployment } from "../testing/fake-deployment.ts";
import flush from "./flush.ts";

const { signal } = new AbortController();
const masters = ["redis-0", "redis-1"];
const effect = () => flush.effect({ fault: "0-flush", targets: masters }, {});

/** What a look sees of both masters, one after the other. */
async function looks(...contents: readonly (Contents | Error)[]): Promise<boolean[]> {
  const { proof } = effect();
  const holds: boolean[] = [];
  for (const seen of contents) {
    const deployment = fakeDeployment({
      contents: (member) => {
        if (member === "redis-0") return { entries: 10, timesEmptied: holds.length === 0 ? 0 : 1 };
        if (seen instanceof Error) throw seen;
        return seen;
      },
    });
    holds.push((await proof.inForce(deployment, signal).catch(() => ({ holds: false }))).holds);
  }
  return holds;
}

test("each master is emptied, and nothing is undone", () => {
  const { act, undo } = effect();
  assert.deepEqual(act, [
    { op: "empty", member: "redis-0" },
    { op: "empty", member: "redis-1" },
  ]);
  assert.deepEqual(undo, []);
});

test("it is proven by a count that has grown since the first look, and stays proven whatever comes then", async () => {
  assert.deepEqual(
    await looks(
      { entries: 10, timesEmptied: 3 },
      { entries: 2, timesEmptied: 3 },
      { entries: 0, timesEmptied: 4 },
      { entries: 10, timesEmptied: 4 },
      new Error("dead by now"),
    ),
    [false, false, true, true, true],
  );
});

test("it is not proven where there was nothing to remove, by fewer entries alone, or of one master only", async () => {
  assert.deepEqual(await looks({ entries: 0, timesEmptied: 0 }, { entries: 0, timesEmptied: 1 }), [
    false,
    false,
  ]);
  assert.deepEqual(await looks({ entries: 10, timesEmptied: 0 }, { entries: 0, timesEmptied: 0 }), [
    false,
    false,
  ]);
});

test("it is not proven where nobody looked before, or where the process counts anew", async () => {
  assert.deepEqual(await looks(new Error("no answer"), { entries: 0, timesEmptied: 1 }), [false, false]);
  assert.deepEqual(await looks({ entries: 10, timesEmptied: 1 }, { entries: 0, timesEmptied: 0 }), [
    false,
    false,
  ]);
});

test("it is healed when every master serves", async () => {
  const { proof } = effect();
  const serving = (serves: (member: string) => boolean) => proof.healed(fakeDeployment({ serves }), signal);
  assert.equal((await serving(() => true)).holds, true);
  assert.equal((await serving((member) => member === "redis-0")).holds, false);
});
