/** A binary heap of dense ids, smallest priority first; among equals the smaller tie-breaker. */
export interface Heap {
  readonly length: number;
  /** The id with the smallest priority. Undefined behaviour where the heap is empty. */
  top(): number;
  priorityOf(id: number): number;
  has(id: number): boolean;
  /** Puts an id in, or gives it another priority. */
  set(id: number, priority: number, tieBreaker: number): void;
  delete(id: number): void;
}

/** A heap for the ids 0..ids-1. Nothing is allocated after this. */
export function createHeap(ids: number): Heap {
  const heap = new Int32Array(ids);
  /** Where an id is in the heap, plus one; 0 is not there. */
  const place = new Int32Array(ids);
  const priorities = new Float64Array(ids);
  const ties = new Float64Array(ids);
  let length = 0;

  function before(a: number, b: number): boolean {
    const pa = priorities[a] as number;
    const pb = priorities[b] as number;
    return pa < pb || (pa === pb && (ties[a] as number) < (ties[b] as number));
  }

  function put(id: number, at: number): void {
    heap[at] = id;
    place[id] = at + 1;
  }

  function up(id: number, from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const other = heap[parent] as number;
      if (!before(id, other)) break;
      put(other, at);
      at = parent;
    }
    put(id, at);
  }

  function down(id: number, from: number): void {
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= length) break;
      if (child + 1 < length && before(heap[child + 1] as number, heap[child] as number)) child++;
      const other = heap[child] as number;
      if (!before(other, id)) break;
      put(other, at);
      at = child;
    }
    put(id, at);
  }

  function settle(id: number, at: number): void {
    if (at > 0 && before(id, heap[(at - 1) >> 1] as number)) up(id, at);
    else down(id, at);
  }

  return {
    get length() {
      return length;
    },
    top: () => heap[0] as number,
    priorityOf: (id) => priorities[id] as number,
    has: (id) => place[id] !== 0,
    set(id, priority, tieBreaker) {
      priorities[id] = priority;
      ties[id] = tieBreaker;
      const at = place[id] === 0 ? length++ : (place[id] as number) - 1;
      settle(id, at);
    },
    delete(id) {
      const at = (place[id] as number) - 1;
      place[id] = 0;
      length--;
      if (at < length) settle(heap[length] as number, at);
    },
  };
}
