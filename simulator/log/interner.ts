import type { Hash128 } from "./hash.ts";

/** Gives each different hash a dense id, 0, 1, 2 … in the order of first appearance. */
export class Interner {
  size = 0;
  #mask = 1023;
  /** Two words a slot: id + 1 (0: free) and the hash's first word. */
  #slots = new Int32Array(2 * 1024);
  /** The four words of each id's hash. */
  #words = new Int32Array(4 * 1024);

  idOf(hash: Hash128): number {
    return this.idOfWords(hash.h1, hash.h2, hash.h3, hash.h4);
  }

  idOfWords(h1: number, h2: number, h3: number, h4: number): number {
    const slots = this.#slots;
    const words = this.#words;
    const mask = this.#mask;
    for (let slot = h1 & mask; ; slot = (slot + 1) & mask) {
      const id = (slots[2 * slot] ?? 0) - 1;
      if (id < 0) return this.#add(h1, h2, h3, h4, slot);
      if (
        slots[2 * slot + 1] === h1 &&
        words[4 * id + 1] === h2 &&
        words[4 * id + 2] === h3 &&
        words[4 * id + 3] === h4
      ) {
        return id;
      }
    }
  }

  /** The id that the hash has already, or -1. */
  find(hash: Hash128): number {
    const words = this.#words;
    for (let slot = hash.h1 & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const id = (this.#slots[2 * slot] ?? 0) - 1;
      if (id < 0) return -1;
      if (
        this.#slots[2 * slot + 1] === hash.h1 &&
        words[4 * id + 1] === hash.h2 &&
        words[4 * id + 2] === hash.h3 &&
        words[4 * id + 3] === hash.h4
      ) {
        return id;
      }
    }
  }

  /** The hashes of all ids from one on, four words each. */
  hashesFrom(id: number): Int32Array {
    return this.#words.slice(4 * id, 4 * this.size);
  }

  /** 32 bits of each id's hash; of an integer (`Hash128.ofInteger`) its halves folded into one. */
  shortHashes(): Int32Array {
    const hashes = new Int32Array(new SharedArrayBuffer(4 * this.size));
    const words = this.#words;
    for (let id = 0; id < this.size; id++) hashes[id] = (words[4 * id + 1] ?? 0) ^ (words[4 * id + 2] ?? 0);
    return hashes;
  }

  #add(h1: number, h2: number, h3: number, h4: number, slot: number): number {
    const id = this.size++;
    this.#slots[2 * slot] = id + 1;
    this.#slots[2 * slot + 1] = h1;
    this.#words[4 * id] = h1;
    this.#words[4 * id + 1] = h2;
    this.#words[4 * id + 2] = h3;
    this.#words[4 * id + 3] = h4;
    if (this.size > 0.7 * this.#mask) this.#grow();
    return id;
  }

  #grow(): void {
    const old = this.#slots;
    const mask = 2 * this.#mask + 1;
    const slots = new Int32Array(2 * (mask + 1));
    for (let i = 0; i < old.length; i += 2) {
      const id = old[i] ?? 0;
      if (id === 0) continue;
      const first = old[i + 1] ?? 0;
      let slot = first & mask;
      while (slots[2 * slot] !== 0) slot = (slot + 1) & mask;
      slots[2 * slot] = id;
      slots[2 * slot + 1] = first;
    }
    // No more ids than 0.7 of the slots.
    const words = new Int32Array(3 * (mask + 1));
    words.set(this.#words.subarray(0, 4 * this.size));
    this.#slots = slots;
    this.#words = words;
    this.#mask = mask;
  }
}
