/** Scales a vector to length 1; a zero vector stays. */
export function normalise(vector: Float32Array): void {
  let square = 0;
  for (const value of vector) square += value * value;
  if (square === 0) return;
  const scale = 1 / Math.sqrt(square);
  for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] as number) * scale;
}

/**
 * Exact nearest neighbour by cosine among the keys held of the same scope. Vectors (by key) must have length 1.
 *
 * @param scopeOf of each key; absent: all are of one
 */
export function createNearestHeld(
  { values, dimensions }: { values: Float32Array; dimensions: number },
  keys: number,
  scopeOf?: Uint32Array,
) {
  const slotOf = new Int32Array(keys).fill(-1);
  const keysOfScope = new Map<number, number[]>();
  const heldWith = (key: number): number[] => {
    const scope = scopeOf?.[key] ?? 0;
    let held = keysOfScope.get(scope);
    if (held === undefined) {
      held = [];
      keysOfScope.set(scope, held);
    }
    return held;
  };
  return {
    add(key: number): void {
      if (slotOf[key] !== -1) return;
      const keyAt = heldWith(key);
      slotOf[key] = keyAt.length;
      keyAt.push(key);
    },
    remove(key: number): void {
      const slot = slotOf[key] as number;
      if (slot === -1) return;
      const keyAt = heldWith(key);
      const last = keyAt.pop() as number;
      slotOf[key] = -1;
      if (last === key) return;
      keyAt[slot] = last;
      slotOf[last] = slot;
    },
    clear(): void {
      keysOfScope.clear();
      slotOf.fill(-1);
    },
    /** The most similar held key and its cosine; key -1 where none is held. Time: keys held of the scope, times dimensions. */
    nearest(key: number): { key: number; score: number } {
      const from = key * dimensions;
      let best = -1;
      let score = Number.NEGATIVE_INFINITY;
      for (const other of heldWith(key)) {
        const at = other * dimensions;
        let dot = 0;
        for (let i = 0; i < dimensions; i++) dot += (values[from + i] as number) * (values[at + i] as number);
        if (dot > score || (dot === score && other < best)) {
          best = other;
          score = dot;
        }
      }
      return { key: best, score };
    },
  };
}
