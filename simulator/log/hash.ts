const encoder = new TextEncoder();

/** Twice in a hash, it is one of `ofItsOwn`: no other has it there but once in 2^64. */
export const ownWord = 0x6f776e;

/** What a name adds to the hashes of all that is in it. */
export interface Salt {
  readonly first: number;
  readonly second: number;
}

export const noSalt: Salt = { first: 0, second: 0 };

/**
 * MurmurHash3 x86 128 (Austin Appleby, public domain), over a range of bytes.
 *
 * Not for adversaries: it keeps texts out of memory and tells them apart. At 128 bits, ten million different
 * texts collide with a probability below 1e-24.
 */
export class Hash128 {
  h1 = 0;
  h2 = 0;
  h3 = 0;
  h4 = 0;

  /** Sets this to the hash of the bytes [from, to). Up to 3 bytes after them are read, and do not count. */
  of(view: DataView, from: number, to: number): this {
    const length = to - from;
    let h1 = 0;
    let h2 = 0;
    let h3 = 0;
    let h4 = 0;
    let at = from;
    for (const blocksEnd = from + (length & ~15); at < blocksEnd; at += 16) {
      let k = Math.imul(view.getInt32(at, true), 0x239b961b);
      k = (k << 15) | (k >>> 17);
      h1 ^= Math.imul(k, 0xab0e9789);
      h1 = (h1 << 19) | (h1 >>> 13);
      h1 = (Math.imul(h1 + h2, 5) + 0x561ccd1b) | 0;
      k = Math.imul(view.getInt32(at + 4, true), 0xab0e9789);
      k = (k << 16) | (k >>> 16);
      h2 ^= Math.imul(k, 0x38b34ae5);
      h2 = (h2 << 17) | (h2 >>> 15);
      h2 = (Math.imul(h2 + h3, 5) + 0x0bcaa747) | 0;
      k = Math.imul(view.getInt32(at + 8, true), 0x38b34ae5);
      k = (k << 17) | (k >>> 15);
      h3 ^= Math.imul(k, 0xa1e38b93);
      h3 = (h3 << 15) | (h3 >>> 17);
      h3 = (Math.imul(h3 + h4, 5) + 0x96cd1c35) | 0;
      k = Math.imul(view.getInt32(at + 12, true), 0xa1e38b93);
      k = (k << 18) | (k >>> 14);
      h4 ^= Math.imul(k, 0x239b961b);
      h4 = (h4 << 13) | (h4 >>> 19);
      h4 = (Math.imul(h4 + h1, 5) + 0x32ac3b17) | 0;
    }
    const rest = to - at;
    if (rest > 0) {
      let k: number;
      if (rest > 12) {
        k = Math.imul(view.getInt32(at + 12, true) & lowBytes(rest - 12), 0xa1e38b93);
        h4 ^= Math.imul((k << 18) | (k >>> 14), 0x239b961b);
      }
      if (rest > 8) {
        k = Math.imul(view.getInt32(at + 8, true) & lowBytes(rest - 8), 0x38b34ae5);
        h3 ^= Math.imul((k << 17) | (k >>> 15), 0xa1e38b93);
      }
      if (rest > 4) {
        k = Math.imul(view.getInt32(at + 4, true) & lowBytes(rest - 4), 0xab0e9789);
        h2 ^= Math.imul((k << 16) | (k >>> 16), 0x38b34ae5);
      }
      k = Math.imul(view.getInt32(at, true) & lowBytes(rest), 0x239b961b);
      h1 ^= Math.imul((k << 15) | (k >>> 17), 0xab0e9789);
    }
    h1 ^= length;
    h2 ^= length;
    h3 ^= length;
    h4 ^= length;
    h1 = (h1 + h2 + h3 + h4) | 0;
    h2 = (h2 + h1) | 0;
    h3 = (h3 + h1) | 0;
    h4 = (h4 + h1) | 0;
    h1 = mixed(h1);
    h2 = mixed(h2);
    h3 = mixed(h3);
    h4 = mixed(h4);
    h1 = (h1 + h2 + h3 + h4) | 0;
    this.h1 = h1;
    this.h2 = (h2 + h1) | 0;
    this.h3 = (h3 + h1) | 0;
    this.h4 = (h4 + h1) | 0;
    return this;
  }

  ofText(text: string): this {
    const bytes = new Uint8Array(3 * text.length + 3);
    const { written } = encoder.encodeInto(text, bytes);
    return this.of(new DataView(bytes.buffer), 0, written);
  }

  /** Sets this to an integer's own bits, mixed so that neighbours do not share a table slot. */
  ofInteger(low: number, high: number): this {
    this.h1 = mixed(low ^ mixed(high));
    this.h2 = low;
    this.h3 = high;
    this.h4 = 0;
    return this;
  }

  /** Sets this to what stands for the n-th of the things that have no hash and equal no other. */
  ofItsOwn(n: number): this {
    this.ofInteger(n, ownWord);
    this.h4 = ownWord;
    return this;
  }

  /**
   * Sets apart equal hashes of different tenants and models: each moves two words by 64 bits of its name's hash. Names,
   * and not their ids, so that threads that read parts of one log agree.
   */
  within(tenant: Salt, model: Salt): this {
    this.h1 = (this.h1 + tenant.first) | 0;
    this.h2 = (this.h2 + tenant.second) | 0;
    this.h3 = (this.h3 + model.first) | 0;
    this.h4 = (this.h4 + model.second) | 0;
    return this;
  }
}

/** A mask for the first `count` bytes of a little-endian word. */
function lowBytes(count: number): number {
  return count >= 4 ? -1 : (1 << (8 * count)) - 1;
}

function mixed(h: number): number {
  let x = h;
  x ^= x >>> 16;
  x = Math.imul(x, 0x85ebca6b);
  x ^= x >>> 13;
  x = Math.imul(x, 0xc2b2ae35);
  return x ^ (x >>> 16);
}
