/** What one call brings in: pieces as they come, then the whole. */
export type Flown<T, P> = (onPiece: (piece: P) => void, signal: AbortSignal) => Promise<T>;

/** One call under way, and those who wait for it. */
export interface Flight<T, P, A> {
  /** What it was begun with: whoever joins need not find that out again. */
  readonly about: A;
  /**
   * Waits for the call's end.
   *
   * Whoever joins late gets all pieces so far, and then the live ones. They are kept once, each reader has its own
   * place in them: one who takes them slowly holds up neither the call nor the others.
   *
   * @param signal the caller's own: when it is aborted, the caller has left at once. With the last one left, the
   *   call is cancelled
   * @param take the next piece is given when it resolves; undefined: only the whole is of interest
   * @returns as the call does; rejects with its error, with the signal's reason, or with what `take` threw
   */
  join(signal: AbortSignal, take?: (piece: P) => Promise<void>): Promise<T>;
}

/** Calls that many wait for, by key. */
export interface Flights<T, P, A> {
  /** The call under way for a key that may be joined. */
  find(key: string | undefined): Flight<T, P, A> | undefined;
  /** Begins a call where find() knows of none; it must be joined in the same turn. Without a key nobody finds it. */
  begin(key: string | undefined, about: A, call: Flown<T, P>): Flight<T, P, A>;
}

export interface FlightReports {
  /** How many callers more wait: 1, or -1. */
  waiting(change: 1 | -1): void;
  ended(end: FlightEnd): void;
}

export type FlightEnd = "answered" | "failed" | "abandoned";

/** Why a call's signal was aborted: nobody waits for it any more. */
export class EverybodyLeft extends Error {
  override readonly name = "EverybodyLeft";
}

/**
 * One call for each key at a time, in this process.
 *
 * A call that fails fails all that wait for it, once; the next caller begins anew, for nothing is remembered of it.
 * A call that was cancelled is found by nobody: it would only hand on the cancellation.
 */
export function flights<T, P extends object = never, A = undefined>(
  reports?: FlightReports,
): Flights<T, P, A> {
  const underWay = new Map<string, Flight<T, P, A>>();

  function begin(key: string | undefined, about: A, call: Flown<T, P>): Flight<T, P, A> {
    const pieces: P[] = [];
    const waiting = new Set<() => void>();
    const everybodyLeft = new AbortController();
    let members = 0;
    let over = false;

    function wake(): void {
      for (const resume of waiting) resume();
      waiting.clear();
    }
    function land(end: FlightEnd): void {
      if (over) return;
      over = true;
      if (key !== undefined) underWay.delete(key);
      wake();
      reports?.ended(end);
    }
    const onPiece = (piece: P) => {
      pieces.push(piece);
      wake();
    };

    async function deliver(take: (piece: P) => Promise<void>, gone: () => boolean): Promise<void> {
      for (let next = 0; !gone(); ) {
        const piece = pieces[next];
        if (piece !== undefined) {
          next++;
          await take(piece);
        } else if (over) return;
        else await new Promise<void>((resolve) => waiting.add(resolve));
      }
    }

    const flight: Flight<T, P, A> = {
      about,
      async join(signal, take) {
        let here = true;
        members++;
        reports?.waiting(1);
        const left = Promise.withResolvers<never>();
        left.promise.catch(() => undefined);
        function leave(): void {
          if (!here) return;
          here = false;
          members--;
          reports?.waiting(-1);
          left.reject(signal.reason);
          if (members > 0 || over) return;
          land("abandoned");
          // With the last one's reason: a deadline that passed says more of the call than a caller who lost interest.
          const because = { cause: signal.reason };
          everybodyLeft.abort(new EverybodyLeft("nobody waits for this call any more", because));
        }
        signal.addEventListener("abort", leave, { once: true });
        try {
          if (signal.aborted) leave();
          if (take !== undefined) await Promise.race([left.promise, deliver(take, () => !here)]);
          return await Promise.race([left.promise, landed]);
        } finally {
          signal.removeEventListener("abort", leave);
          leave();
        }
      },
    };
    if (key !== undefined) underWay.set(key, flight);
    const landed = call(onPiece, everybodyLeft.signal);
    landed.then(
      () => land("answered"),
      () => land("failed"),
    );
    return flight;
  }

  return { find: (key) => (key === undefined ? undefined : underWay.get(key)), begin };
}
