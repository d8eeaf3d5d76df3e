import { NEVER, type NextUse } from "../policy.ts";

/** Looks ahead: for each request of `requests` (dense keys below `keys`) the number of the next one for its key. */
export function nextUse(requests: Uint32Array, keys: number): NextUse {
  const next = new Int32Array(requests.length);
  const following = new Int32Array(keys).fill(NEVER);
  for (let i = requests.length - 1; i >= 0; i--) {
    const key = requests[i] as number;
    next[i] = following[key] as number;
    following[key] = i;
  }
  return next;
}
