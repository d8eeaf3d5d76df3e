/**
 * Keys in the order of their last request, with the weight of all that are more recent than a key in
 * logarithmic time: one bit (or weight) for each position in time, summed by a Fenwick tree over blocks.
 *
 * Positions run up to a limit and are then renumbered without gaps, so memory grows with the number of keys, not
 * of requests.
 */
export interface RecencyIndex {
  /** The keys that are in. */
  readonly size: number;
  /** The weight of all keys in. */
  readonly weight: number;
  has(key: number): boolean;
  /** The summed weight of the keys requested since `key` was, and of itself. The key must be in. */
  depth(key: number): number;
  /** Makes a key the most recent one, with this weight. */
  touch(key: number, weight: number): void;
  delete(key: number): void;
}

const BLOCK_BITS = 5;

/** @param keys ids are below this number @param expected how many are in at once; more is slower, not wrong */
export function createRecencyIndex(keys: number, expected: number = keys): RecencyIndex {
  const position = new Int32Array(keys).fill(-1);
  let limit = 2 * Math.max(expected, 512);
  let keyAt = new Int32Array(limit).fill(-1);
  let weightAt = new Float64Array(limit);
  let tree = new Float64Array((limit >> BLOCK_BITS) + 2);
  let next = 0;
  let size = 0;
  let total = 0;

  function add(at: number, weight: number): void {
    weightAt[at] = (weightAt[at] as number) + weight;
    for (let i = (at >> BLOCK_BITS) + 1; i < tree.length; i += i & -i) tree[i] = (tree[i] as number) + weight;
    total += weight;
  }

  /** The weight at positions before `at`. */
  function before(at: number): number {
    let sum = 0;
    for (let i = at >> BLOCK_BITS; i > 0; i -= i & -i) sum += tree[i] as number;
    for (let i = (at >> BLOCK_BITS) << BLOCK_BITS; i < at; i++) sum += weightAt[i] as number;
    return sum;
  }

  function take(key: number): void {
    const at = position[key] as number;
    add(at, -(weightAt[at] as number));
    keyAt[at] = -1;
    position[key] = -1;
    size--;
  }

  function renumber(): void {
    const oldKeys = keyAt;
    const oldWeights = weightAt;
    if (2 * size > limit) limit = 4 * size;
    keyAt = new Int32Array(limit).fill(-1);
    weightAt = new Float64Array(limit);
    tree = new Float64Array((limit >> BLOCK_BITS) + 2);
    const end = next;
    next = 0;
    total = 0;
    for (let at = 0; at < end; at++) {
      const key = oldKeys[at] as number;
      if (key < 0) continue;
      keyAt[next] = key;
      position[key] = next;
      add(next++, oldWeights[at] as number);
    }
  }

  return {
    get size() {
      return size;
    },
    get weight() {
      return total;
    },
    has: (key) => (position[key] as number) >= 0,
    depth: (key) => total - before(position[key] as number),
    touch(key, weight) {
      if ((position[key] as number) >= 0) take(key);
      if (next === limit) renumber();
      keyAt[next] = key;
      position[key] = next;
      size++;
      add(next++, weight);
    },
    delete: take,
  };
}
