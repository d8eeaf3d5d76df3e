/** A well-mixed 32-bit hash of a number (the finaliser of MurmurHash3), so that runs are repeatable. */
export function mix(value: number): number {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Which of `nodes` a key lives on: spread evenly, and the same in every run. */
export function nodeOf(key: number, nodes: number): number {
  return nodes === 1 ? 0 : mix(key) % nodes;
}
