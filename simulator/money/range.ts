/** A figure that the log or the prices leave open: from `low` to `high`, both possible. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

export function exactly(value: number): Range {
  return { low: value, high: value };
}

/** The range that spans all values given. */
export function spanOf(...values: readonly number[]): Range {
  return { low: Math.min(...values), high: Math.max(...values) };
}

export function plus(a: Range, b: Range): Range {
  return { low: a.low + b.low, high: a.high + b.high };
}

/** The middle: for ordering alone, never to be shown in place of the range. */
export function middle({ low, high }: Range): number {
  return (low + high) / 2;
}
