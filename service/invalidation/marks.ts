/**
 * What one process knows of the invalidations: for each scope the number of its latest one, its mark.
 *
 * Numbers are times in µs, and grow over all processes. An entry carries the highest number that was known when making it
 * began, its epoch; so it is invalid where a scope of it has a higher mark. A mark that is dropped raises the
 * floor to its number: everything whose epoch is below the floor is invalid. That is safe however few marks are
 * kept, and costs nothing where no entry can be that old any more.
 */
export interface Marks {
  /** The highest number known. */
  epoch(): number;
  /** Every invalidation up to this number is known. */
  complete(): number;
  floor(): number;
  size(): number;
  /** How much news was heard. */
  changes(): number;
  /** What there is up to a number. */
  upTo(number: number): Extent;
  /** How many marks are about a scope for which this holds. */
  countOf(isSo: (scope: string) => boolean): number;
  has(scope: string): boolean;
  isCurrent(entry: { readonly epoch: number; readonly scopes: readonly string[] }): boolean;
  /** Takes in one invalidation as it was made known. */
  hear(news: News): Heard;
  /** Takes in all that is known elsewhere, or all of it above what is known in full here. */
  learn(theirs: Knowledge): void;
  /** How what somebody else knows in full differs from what is known here. */
  difference(theirs: Knowledge): Difference;
}

/** Marks, and what they stand for. */
export interface Knowledge {
  /** The highest number; 0: nothing is known, not even that there was nothing. */
  readonly seq: number;
  readonly floor: number;
  readonly marks: ReadonlyMap<string, number>;
}

/**
 * Tells whether two know the same up to a number that both know in full. What a failover loses is the latest, so
 * then the highest differs; where numbers were set back and used again, the count does.
 */
export interface Extent {
  /** Of marks. */
  readonly count: number;
  /** Of marks and floor. */
  readonly highest: number;
}

/** One invalidation. */
export interface News {
  readonly seq: number;
  /** The highest number before it; 0: whoever wants to know all has to ask. */
  readonly previous: number;
  readonly floor: number;
  readonly scopes: readonly string[];
}

/**
 * ok: nothing is missing. gap: there were others in between. back: the numbers were set back, since this one
 * is new here though it is not above what is known in full.
 */
export type Heard = "ok" | "gap" | "back";

export interface Difference {
  /** Invalidated there by a number that would have been known here, were it not for numbers set back. */
  readonly late: readonly string[];
  /** What is known here and not there. */
  readonly lost: Knowledge;
}

/**
 * @param maxMarks over it the oldest are dropped
 * @param onLearnt told of each scope that was invalidated, when it becomes known
 */
export function createMarks(maxMarks: number, onLearnt: (scope: string) => void): Marks {
  const numbers = new Map<string, number>();
  let floor = 0;
  let epoch = 0;
  let complete = 0;
  let changes = 0;

  const numberOf = (scope: string) => Math.max(numbers.get(scope) ?? 0, floor);

  function mark(scope: string, number: number): void {
    if (number <= numberOf(scope)) return;
    numbers.set(scope, number);
    onLearnt(scope);
  }

  function raiseFloor(to: number): void {
    if (to <= floor) return;
    floor = to;
    for (const [scope, number] of numbers) if (number <= floor) numbers.delete(scope);
  }

  function completeTo(number: number): void {
    const excess = numbers.size - maxMarks;
    if (excess > 0) raiseFloor([...numbers.values()].sort((a, b) => a - b)[excess - 1] ?? 0);
    complete = Math.max(complete, number);
    epoch = Math.max(epoch, complete);
  }

  return {
    epoch: () => epoch,
    complete: () => complete,
    floor: () => floor,
    size: () => numbers.size,
    changes: () => changes,
    upTo(number) {
      let count = 0;
      let highest = floor <= number ? floor : 0;
      for (const each of numbers.values()) {
        if (each > number) continue;
        count++;
        highest = Math.max(highest, each);
      }
      return { count, highest };
    },
    countOf: (isSo) => [...numbers.keys()].filter(isSo).length,
    has: (scope) => numbers.has(scope),
    // #region judging
    isCurrent: (entry) =>
      floor <= entry.epoch && entry.scopes.every((scope) => (numbers.get(scope) ?? 0) <= entry.epoch),

    hear({ seq, previous, floor: theirFloor, scopes }) {
      if (seq <= complete) return scopes.every((scope) => numberOf(scope) >= seq) ? "ok" : "back";
      for (const scope of scopes) mark(scope, seq);
      epoch = Math.max(epoch, seq);
      changes++;
      if (previous !== complete || previous === 0) return "gap";
      raiseFloor(theirFloor);
      completeTo(seq);
      return "ok";
    },
    // #endregion judging

    learn(theirs) {
      raiseFloor(theirs.floor);
      for (const [scope, number] of theirs.marks) mark(scope, number);
      completeTo(theirs.seq);
    },

    difference(theirs) {
      const late = [...theirs.marks]
        .filter(([scope, number]) => number <= complete && number > numberOf(scope))
        .map(([scope]) => scope);
      const lost = [...numbers].filter(
        ([scope, number]) => number > Math.max(theirs.marks.get(scope) ?? 0, theirs.floor),
      );
      return { late, lost: { seq: epoch, floor: floor > theirs.floor ? floor : 0, marks: new Map(lost) } };
    },
  };
}
