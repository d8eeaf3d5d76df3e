const idsPerSegment = 1 << 16;

/** A list of ids whose length is not known yet. It grows without copying what it has. */
export class GrowingIds {
  length = 0;
  readonly #segments: Uint32Array[] = [];

  push(id: number): void {
    const at = this.length % idsPerSegment;
    if (at === 0) this.#segments.push(new Uint32Array(idsPerSegment));
    const last = this.#segments[this.#segments.length - 1];
    if (last !== undefined) last[at] = id;
    this.length++;
  }

  at(index: number): number {
    return this.#segments[Math.floor(index / idsPerSegment)]?.[index % idsPerSegment] ?? 0;
  }

  toArray(): Uint32Array<ArrayBuffer> {
    const ids = new Uint32Array(this.length);
    this.#segments.forEach((segment, i) => {
      const from = i * idsPerSegment;
      ids.set(segment.subarray(0, this.length - from), from);
    });
    return ids;
  }
}
