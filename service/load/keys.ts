/** Which questions are asked, and how often each: a scenario's `load.keys`. */
export interface Keys {
  readonly distribution: "zipf" | "uniform";
  /** Of the Zipf law: the key of rank r is asked in proportion to 1 / r^exponent. */
  readonly exponent: number;
  readonly count: number;
}

/** For each key, most popular first, the share of requests that go to it or to one before it; the last is 1. */
export function cumulativeShares({ distribution, exponent, count }: Keys): number[] {
  let sum = 0;
  const sums = Array.from({ length: count }, (_, key) => {
    sum += distribution === "zipf" ? (key + 1) ** -exponent : 1;
    return sum;
  });
  return sums.map((each) => each / sum);
}

/**
 * The key of one request. It depends on the seed and the request's number alone, so a run's keys are the same
 * whichever virtual user sends them.
 */
export function keyAt(shares: ArrayLike<number>, seed: number, request: number): number {
  const drawn = uniform(seed, request);
  let low = 0;
  let high = shares.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (drawn < (shares[middle] ?? 1)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** A number in [0, 1): a Weyl sequence that starts where the seed says, mixed. */
function uniform(seed: number, index: number): number {
  return mix(mix(seed) + Math.imul(index, 0x9e3779b9)) / 2 ** 32;
}

/** MurmurHash3's 32-bit finalizer: every input bit changes every output bit with a chance of about a half. */
function mix(value: number): number {
  let mixed = value | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
