import type { Hash128 } from "./hash.ts";

/** Gives each different hash a dense id, 0, 1, 2 … in the order of first appearance. */
export class Interner {
  size = 0;
  #mask = 1023;
  /** Two words a slot: id + 1 (0: free) and the hash's first word. */
  #slots = new Int32Array(2 * 1024);
  /** The other three words of each id's hash. */
  #rest = new Int32Array(3 * 1024);

  idOf(hash: Hash128): number {
    const slots = this.#slots;
    const rest = this.#rest;
    const mask = this.#mask;
    const first = hash.h1;
    for (let slot = first & mask; ; slot = (slot + 1) & mask) {
      const id = (slots[2 * slot] ?? 0) - 1;
      if (id < 0) return this.#add(hash, slot);
      if (
        slots[2 * slot + 1] === first &&
        rest[3 * id] === hash.h2 &&
        rest[3 * id + 1] === hash.h3 &&
        rest[3 * id + 2] === hash.h4
      ) {
        return id;
      }
    }
  }

  /** The id that the hash has already, or -1. */
  find(hash: Hash128): number {
    for (let slot = hash.h1 & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const id = (this.#slots[2 * slot] ?? 0) - 1;
      if (id < 0) return -1;
      if (
        this.#slots[2 * slot + 1] === hash.h1 &&
        this.#rest[3 * id] === hash.h2 &&
        this.#rest[3 * id + 1] === hash.h3 &&
        this.#rest[3 * id + 2] === hash.h4
      ) {
        return id;
      }
    }
  }

  /** 32 bits of each id's hash; of an integer (`Hash128.ofInteger`) its halves folded into one. */
  shortHashes(): Int32Array {
    const hashes = new Int32Array(new SharedArrayBuffer(4 * this.size));
    const rest = this.#rest;
    for (let id = 0; id < this.size; id++) hashes[id] = (rest[3 * id] ?? 0) ^ (rest[3 * id + 1] ?? 0);
    return hashes;
  }

  #add(hash: Hash128, slot: number): number {
    const id = this.size++;
    this.#slots[2 * slot] = id + 1;
    this.#slots[2 * slot + 1] = hash.h1;
    this.#rest[3 * id] = hash.h2;
    this.#rest[3 * id + 1] = hash.h3;
    this.#rest[3 * id + 2] = hash.h4;
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
    const rest = new Int32Array(3 * (mask + 1));
    rest.set(this.#rest);
    this.#slots = slots;
    this.#rest = rest;
    this.#mask = mask;
  }
}
