import { CircuitState, CountBreaker, circuitBreaker, handleWhen, isBrokenCircuitError } from "cockatiel";
import type { Policy } from "./policy.ts";

export interface BreakerSettings {
  /** How many of the latest calls are looked at. */
  readonly windowCalls: number;
  /** Fewer results than this never open it. */
  readonly minimumCalls: number;
  /** It opens when more than this share of the window failed, between 0 and 1. */
  readonly failureShare: number;
  /** How long it stays open before one call may probe. */
  readonly openMs: number;
}

export type BreakerState = "closed" | "half-open" | "open";

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

/** Carries past cockatiel an error that is no verdict on the dependency's health. */
class Uncounted {
  readonly thrown: unknown;
  constructor(thrown: unknown) {
    this.thrown = thrown;
  }
}

/**
 * Stops calling what keeps failing, and lets one call at a time probe whether it is well again.
 *
 * The window counts calls rather than time: with SIGKILL, silence or slowness it opens after the same
 * number of failures at any rate, and old successes mask at most `windowCalls` of them.
 *
 * Put a bulkhead outside of it, and a timeout inside. Three things cockatiel 4 does otherwise:
 * - it has callers wait for the probe, and releases them all at once; here they are rejected;
 * - it takes any uncounted error of the probe for a success; here a probe whose caller left is a failure,
 *   since it has shown nothing, and the breaker opens again for a while;
 * - it lets a failure that was begun before a change of state count after it; here it is ignored.
 *
 * @param isFailure whether an error means that the dependency is ill; others are not counted, nor is the reason
 *   of the caller's own signal, for which it is not asked
 * @param onState told of each change, and must not throw: cockatiel would hand that to the caller
 */
export function breaker(
  settings: BreakerSettings,
  isFailure: (thrown: unknown) => boolean,
  onState: (state: BreakerState) => void,
): Policy {
  let era = 0;
  const circuit = circuitBreaker(
    handleWhen((thrown) => !(thrown instanceof Uncounted)),
    {
      halfOpenAfter: settings.openMs,
      breaker: new CountBreaker({
        threshold: settings.failureShare,
        size: settings.windowCalls,
        minimumNumberOfCalls: settings.minimumCalls,
      }),
    },
  );
  circuit.onStateChange((state) => {
    era++;
    onState(
      state === CircuitState.Closed ? "closed" : state === CircuitState.HalfOpen ? "half-open" : "open",
    );
  });

  return (call) => async (signal) => {
    signal.throwIfAborted();
    if (circuit.state === CircuitState.HalfOpen) throw new BreakerOpen(settings.openMs);
    try {
      return await circuit.execute(async () => {
        const begun = era;
        const probing = circuit.state === CircuitState.HalfOpen;
        try {
          return await call(signal);
        } catch (thrown) {
          // A caller who gave up, or whose deadline passed, says nothing about the dependency.
          const gaveUp = signal.aborted && thrown === signal.reason;
          const counts = begun === era && (gaveUp ? probing : isFailure(thrown));
          throw counts ? thrown : new Uncounted(thrown);
        }
      }, signal);
    } catch (thrown) {
      if (thrown instanceof Uncounted) throw thrown.thrown;
      if (isBrokenCircuitError(thrown)) throw new BreakerOpen(settings.openMs);
      throw thrown;
    }
  };
}
