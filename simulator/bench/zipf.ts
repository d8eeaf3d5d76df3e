/**
 * Requests drawn from a Zipf distribution, as dense ids in the order of first appearance: what a log's reader
 * makes of such traffic.
 *
 * @param exponent 1 is the classic Zipf law
 * @param seed any integer: the same seed draws the same requests
 */
export function zipfRequests(rows: number, keys: number, exponent: number, seed: number): Uint32Array {
  const random = sfc32(seed);
  const { share, alias } = aliasTable(
    Float64Array.from({ length: keys }, (_, rank) => (rank + 1) ** -exponent),
  );
  const idOf = new Int32Array(keys).fill(-1);
  let ids = 0;
  const requests = new Uint32Array(rows);
  for (let i = 0; i < rows; i++) {
    const column = Math.floor(random() * keys);
    const rank = random() < (share[column] as number) ? column : (alias[column] as number);
    if (idOf[rank] === -1) idOf[rank] = ids++;
    requests[i] = idOf[rank] as number;
  }
  return requests;
}

/** Walker's alias method: a column is drawn evenly, and stands for itself with `share`, else for its alias. */
function aliasTable(weights: Float64Array): { share: Float64Array; alias: Int32Array } {
  const mean = weights.reduce((a, b) => a + b, 0) / weights.length;
  const share = weights.map((weight) => weight / mean);
  const alias = Int32Array.from(weights.keys());
  const small: number[] = [];
  const large: number[] = [];
  for (let i = 0; i < share.length; i++) ((share[i] as number) < 1 ? small : large).push(i);
  for (let low = small.pop(), high = large.at(-1); low !== undefined && high !== undefined; ) {
    alias[low] = high;
    share[high] = (share[high] as number) - (1 - (share[low] as number));
    if ((share[high] as number) < 1) {
      large.pop();
      small.push(high);
    }
    low = small.pop();
    high = large.at(-1);
  }
  return { share, alias };
}

/** sfc32 (Chris Doty-Humphrey, PractRand): fast, and the same on every machine. */
function sfc32(seed: number): () => number {
  let a = seed | 0;
  let b = 0x9e3779b9;
  let c = 0x243f6a88;
  let counter = 1;
  const next = () => {
    const sum = (a + b + counter++) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}
