import type { Policy } from "./policy.ts";

export interface BreakerSettings {
  /** How many of the latest calls are looked at. */
  readonly windowCalls: number;
  /** Fewer results than this never open it. */
  readonly minimumCalls: number;
  /** It opens when more than this share of the window failed, between 0 and 1. */
  readonly failureShare: number;
  /** A call that took this long is slow, however it ended. */
  readonly slowCallMs: number;
  /** It opens when more than this share of the window was slow, between 0 and 1. */
  readonly slowCallShare: number;
  /** How long it stays open before one call may probe. */
  readonly openMs: number;
  /** A probe that takes longer has failed: it stops holding up the others, whether or not it ever ends. */
  readonly probeMs: number;
}

export type BreakerState = "closed" | "half-open" | "open";

export interface BreakerDeps {
  /**
   * Whether an error means that the dependency is ill. Others are not counted, nor is the reason of the caller's own
   * signal, for which it is not asked.
   */
  readonly isFailure: (thrown: unknown) => boolean;
  /** Told of each change. It must not throw: the caller would get that in place of their result. */
  readonly onState: (state: BreakerState) => void;
  /** Monotonic, in ms. */
  readonly now: () => number;
}

/** The call was not made, because calls like it have been failing. */
export class BreakerOpen extends Error {
  override readonly name = "BreakerOpen";
  /** When it may be worth trying again. */
  readonly retryAfterMs: number;

  constructor(retryAfterMs: number) {
    super("the circuit breaker is open");
    this.retryAfterMs = retryAfterMs;
  }
}

/** How a call ended, as the breaker sees it. "no verdict": an error that says nothing about the dependency. */
type Verdict = "well" | "ill" | "gave up" | "no verdict";

/** A state is an object of its own each time it is entered, so that a result knows whether it comes too late. */
type State =
  | { readonly name: "closed"; readonly window: Window }
  | { readonly name: "half-open"; probeSince: number | undefined }
  | { readonly name: "open"; readonly until: number };

/**
 * Stops calling what keeps failing or has become slow, and lets one call at a time probe whether it is well again.
 *
 * - The window counts calls rather than time: with SIGKILL, silence or slowness it opens after the same number of
 *   failures at any rate, and old successes mask at most `windowCalls` of them.
 * - A call that succeeded slowly returns its value, and counts as slow.
 * - Half-open, every call but the probe is rejected at once. A probe that succeeds in time closes it; one that fails,
 *   is slow or hangs opens it again. One that ended with an error outside of the filter, or whose caller left before it
 *   was slow, has decided nothing, and the next call probes: else impatient callers would keep it open for everybody.
 * - A result counts only in the state in which its call was begun. Late ones change nothing.
 *
 * Put a bulkhead outside of it, whose rejections would else be its probes' results, and a timeout inside: it bounds
 * the calls, while `probeMs` bounds only how long the breaker waits for one.
 *
 * Why it is not cockatiel's: docs/decisions/0013-our-own-breaker.md.
 */
export function breaker(settings: BreakerSettings, { isFailure, onState, now }: BreakerDeps): Policy {
  let state: State = closed();

  function closed(): State {
    return { name: "closed", window: createWindow(settings.windowCalls) };
  }

  function enter(next: State): void {
    state = next;
    onState(next.name);
  }

  /** Lets a call through, and says in which state it begins. */
  function begin(at: number): State {
    if (state.name === "half-open" && state.probeSince !== undefined) {
      const failedAt = state.probeSince + settings.probeMs;
      if (at >= failedAt) enter({ name: "open", until: failedAt + settings.openMs });
    }
    if (state.name === "open" && at >= state.until) enter({ name: "half-open", probeSince: undefined });
    if (state.name === "open") throw new BreakerOpen(state.until - at);
    if (state.name === "half-open") {
      if (state.probeSince !== undefined) throw new BreakerOpen(settings.openMs);
      state.probeSince = at;
    }
    return state;
  }

  function end(begun: State, began: number, verdict: Verdict): void {
    if (begun !== state) return;
    const at = now();
    const slow = at - began >= settings.slowCallMs;
    if (begun.name === "half-open") {
      const late = at - began >= settings.probeMs;
      const undecided = verdict === "no verdict" || (verdict === "gave up" && !slow);
      if (undecided && !late) begun.probeSince = undefined;
      else if (verdict === "well" && !slow && !late) enter(closed());
      else enter({ name: "open", until: at + settings.openMs });
      return;
    }
    if (begun.name !== "closed" || verdict === "gave up" || verdict === "no verdict") return;
    const { calls, failed, slow: slowCalls } = begun.window.add(verdict === "ill", slow);
    if (calls < settings.minimumCalls) return;
    if (failed > settings.failureShare * calls || slowCalls > settings.slowCallShare * calls) {
      enter({ name: "open", until: at + settings.openMs });
    }
  }

  return (call) => async (signal) => {
    signal.throwIfAborted();
    const began = now();
    const begun = begin(began);
    let verdict: Verdict = "well";
    try {
      return await call(signal);
    } catch (thrown) {
      // A caller who gave up, or whose deadline passed, says nothing about the dependency.
      const gaveUp = signal.aborted && thrown === signal.reason;
      verdict = gaveUp ? "gave up" : isFailure(thrown) ? "ill" : "no verdict";
      throw thrown;
    } finally {
      end(begun, began, verdict);
    }
  };
}

type Window = ReturnType<typeof createWindow>;

/** The latest results, as a ring. */
function createWindow(size: number) {
  const ring: { failed: boolean; slow: boolean }[] = [];
  let next = 0;
  let failedCalls = 0;
  let slowCalls = 0;
  return {
    add(failed: boolean, slow: boolean) {
      const oldest = ring[next];
      if (oldest?.failed) failedCalls--;
      if (oldest?.slow) slowCalls--;
      ring[next] = { failed, slow };
      next = (next + 1) % size;
      if (failed) failedCalls++;
      if (slow) slowCalls++;
      return { calls: ring.length, failed: failedCalls, slow: slowCalls };
    },
  };
}
