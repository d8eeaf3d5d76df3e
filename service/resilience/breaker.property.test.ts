import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BreakerOpen, type BreakerState, breaker } from "./breaker.ts";

const settings = {
  windowCalls: 4,
  minimumCalls: 2,
  failureShare: 0.5,
  openMs: 30,
  slowCallMs: 50,
  slowCallShare: 0.5,
  probeMs: 100,
};

type End = "well" | "ill" | "uncounted" | "left";
type Step =
  | { readonly do: "begin" }
  | { readonly do: "end"; readonly of: number; readonly as: End }
  | { readonly do: "wait"; readonly ms: number };

/**
 * What a breaker is, said as plainly as can be: a history that is read anew for each question. It has no window to
 * keep, no state object and no clock of its own.
 */
function plainModel() {
  let state: BreakerState = "closed";
  let entered = 0;
  let since = 0;
  let results: { ill: boolean; slow: boolean }[] = [];
  let probe: { began: number } | undefined;
  const changes: BreakerState[] = [];

  function enter(next: BreakerState, at: number): void {
    state = next;
    entered++;
    since = at;
    results = [];
    probe = undefined;
    changes.push(next);
  }

  return {
    changes,
    /** @returns whether the call is let through, and what it needs to know at its end */
    begin(at: number) {
      if (state === "half-open" && probe !== undefined && at >= probe.began + settings.probeMs) {
        enter("open", probe.began + settings.probeMs);
      }
      if (state === "open" && at >= since + settings.openMs) enter("half-open", at);
      if (state === "open" || (state === "half-open" && probe !== undefined)) return undefined;
      const call = { began: at, entered };
      if (state === "half-open") probe = call;
      return call;
    },
    end(call: { began: number; entered: number }, as: End, at: number): void {
      if (call.entered !== entered) return;
      const slow = at - call.began >= settings.slowCallMs;
      if (state === "half-open") {
        const hung = at - call.began >= settings.probeMs;
        if (as === "well" && !slow && !hung) enter("closed", at);
        else if ((as === "uncounted" || (as === "left" && !slow)) && !hung) probe = undefined;
        else enter("open", at);
        return;
      }
      if (as === "uncounted" || as === "left") return;
      results.push({ ill: as === "ill", slow });
      const latest = results.slice(-settings.windowCalls);
      if (latest.length < settings.minimumCalls) return;
      const share = (counts: (result: { ill: boolean; slow: boolean }) => boolean) =>
        latest.filter(counts).length / latest.length;
      if (share(({ ill }) => ill) > settings.failureShare) enter("open", at);
      else if (share((result) => result.slow) > settings.slowCallShare) enter("open", at);
    },
  };
}

const ill = new Error("ill");
const uncounted = new Error("uncounted");
const left = new Error("left");

/** @returns the states that were entered */
async function follow(steps: readonly Step[]): Promise<readonly BreakerState[]> {
  let nowMs = 0;
  const changes: BreakerState[] = [];
  const policy = breaker(settings, {
    isFailure: (thrown) => thrown === ill,
    onState: (state) => changes.push(state),
    now: () => nowMs,
  });
  const model = plainModel();
  const calls: ((as: End) => Promise<void>)[] = [];

  async function begin(): Promise<void> {
    const caller = new AbortController();
    const gate = Promise.withResolvers<string>();
    let begun = false;
    const settled = policy(() => {
      begun = true;
      return gate.promise;
    })(caller.signal);
    settled.catch(() => undefined);
    const expected = model.begin(nowMs);
    if (expected === undefined) {
      assert(!begun, "a call was made that was to be rejected");
      await assert.rejects(settled, BreakerOpen);
      return;
    }
    assert(begun, "a call was rejected that was to be made");
    calls.push(async (as) => {
      if (as === "well") gate.resolve("value");
      else if (as === "ill") gate.reject(ill);
      else if (as === "uncounted") gate.reject(uncounted);
      else {
        caller.abort(left);
        gate.reject(left);
      }
      model.end(expected, as, nowMs);
      if (as === "well") assert.equal(await settled, "value");
      else await assert.rejects(settled, { ill, uncounted, left }[as]);
    });
  }

  for (const step of steps) {
    if (step.do === "wait") nowMs += step.ms;
    else if (step.do === "begin") await begin();
    else await calls.splice(step.of % Math.max(1, calls.length), 1)[0]?.(step.as);
    assert.deepEqual(changes, model.changes);
  }
  return changes;
}

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.constant({ do: "begin" } as const),
  fc.record({
    do: fc.constant("end" as const),
    of: fc.nat(20),
    as: fc.constantFrom<End[]>("well", "ill", "ill", "uncounted", "left"),
  }),
  fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1, 10, 30, 50, 100) }),
);

test("in any order of calls, ends and waits, it is in the states of the plain model, and lets the same calls through", async () => {
  const reached = new Set<BreakerState>();
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 80 }), async (steps) => {
      for (const state of await follow(steps)) reached.add(state);
    }),
    { numRuns: 500 },
  );
  assert.equal(reached.size, 3);
});
