/** What stands in a queue: in one at a time. */
export interface Queued<N> {
  older: N | undefined;
  newer: N | undefined;
}

/** A queue that anything can be taken out of: a doubly linked list, oldest first. */
export class Queue<N extends Queued<N>> {
  #oldest: N | undefined;
  #newest: N | undefined;

  get oldest(): N | undefined {
    return this.#oldest;
  }

  /** Puts a node that stands in no queue in as the newest. */
  push(node: N): void {
    node.older = this.#newest;
    node.newer = undefined;
    if (this.#newest === undefined) this.#oldest = node;
    else this.#newest.newer = node;
    this.#newest = node;
  }

  /** Takes out a node that stands in this queue. */
  remove(node: N): void {
    if (node.older === undefined) this.#oldest = node.newer;
    else node.older.newer = node.newer;
    if (node.newer === undefined) this.#newest = node.older;
    else node.newer.older = node.older;
    node.older = undefined;
    node.newer = undefined;
  }
}
