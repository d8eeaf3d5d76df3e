import assert from "node:assert/strict";
import { test } from "node:test";
import type { HoldResult } from "../substrates/substrate.ts";
import { fakeDeployment } from "../testing/fake-deployment.ts";
import reset from "./reset.ts";

const { signal } = new AbortController();
const links = ["api-0>redis-0", "api-0>redis-1"];
const { act, undo, proof } = reset.effect({ fault: "0-reset", targets: links }, { lifetime: "400ms" });
const broken = (afterMs: number): HoldResult => ({ outcome: "broken", afterMs });
const held: HoldResult = { outcome: "held", afterMs: 700 };

async function seen(overLinks: readonly [HoldResult, HoldResult], direct = held) {
  const deployment = fakeDeployment({
    hold: (link) => (link === links[0] ? overLinks[0] : overLinks[1]),
    holdDirectly: () => direct,
  });
  const [inForce, healed] = [await proof.inForce(deployment, signal), await proof.healed(deployment, signal)];
  return { inForce: inForce.holds, healed: healed.holds };
}

test("every connection of the links gets a lifetime, and the way back takes it off", () => {
  const shape = { kind: "lifetime", lifetimeMs: 400 };
  assert.deepEqual(
    act,
    links.map((link) => ({ op: "shape", link, as: "0-reset", shape })),
  );
  assert.deepEqual(
    undo,
    links.map((link) => ({ op: "unshape", link, as: "0-reset" })),
  );
});

test("it is proven by connections that break at that age on every link and stand past them", async () => {
  assert.deepEqual(await seen([broken(405), broken(460)]), { inForce: true, healed: false });
  assert.deepEqual(await seen([broken(405), held]), { inForce: false, healed: false });
  assert.deepEqual(await seen([held, held]), { inForce: false, healed: true });
});

test("what breaks at once, does not come about, or breaks past the link as well proves nothing", async () => {
  const neither = { inForce: false, healed: false };
  assert.deepEqual(await seen([broken(405), broken(2)]), neither);
  assert.deepEqual(await seen([broken(405), { outcome: "not-connected", afterMs: 700 }]), neither);
  assert.deepEqual(await seen([broken(405), broken(405)], broken(405)), neither);
  assert.deepEqual(await seen([held, held], broken(405)), neither);
});

test("a lifetime is long enough to be one and short enough to be seen", () => {
  const read = (lifetime: string) => reset.params.safeParse({ lifetime }).success;
  assert.deepEqual(["49ms", "50ms", "2s", "2001ms"].map(read), [false, true, true, false]);
});
