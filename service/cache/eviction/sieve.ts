import type { BoundedMap, BoundedMapSettings } from "./bounded-map.ts";
import { Queue, type Queued } from "./queue.ts";

interface Node<T> extends Queued<Node<T>> {
  readonly key: string;
  value: T;
  weight: number;
  visited: boolean;
}

/**
 * SIEVE (Zhang et al., NSDI 2024): a hand moves from old to new, forgives what was used since it last passed, and
 * evicts what was not. A use only sets a mark, and what is asked for once soon goes.
 */
export function sieve<T>({ maxWeight, onEvicted }: BoundedMapSettings): BoundedMap<T> {
  const nodes = new Map<string, Node<T>>();
  const queue = new Queue<Node<T>>();
  /** Where the next search starts; undefined: with the oldest. */
  let hand: Node<T> | undefined;
  let held = 0;

  function drop(node: Node<T>): void {
    if (hand === node) hand = node.newer;
    queue.remove(node);
    nodes.delete(node.key);
    held -= node.weight;
  }

  /** Ends: the second time around, no mark is left. */
  function evict(): void {
    let node = hand ?? queue.oldest;
    while (node?.visited) {
      node.visited = false;
      node = node.newer ?? queue.oldest;
    }
    hand = node;
    if (node === undefined) return;
    drop(node);
    onEvicted();
  }

  function makeRoom(needed: number): void {
    while (held + needed > maxWeight) evict();
  }

  return {
    get(key) {
      const node = nodes.get(key);
      if (node === undefined) return undefined;
      node.visited = true;
      return node.value;
    },
    set(key, value, weight) {
      const known = nodes.get(key);
      if (weight > maxWeight) {
        if (known !== undefined) drop(known);
        return;
      }
      if (known !== undefined) {
        held += weight - known.weight;
        known.value = value;
        known.weight = weight;
        known.visited = true;
        makeRoom(0);
        return;
      }
      makeRoom(weight);
      const node: Node<T> = { key, value, weight, visited: false, older: undefined, newer: undefined };
      nodes.set(key, node);
      queue.push(node);
      held += weight;
    },
    delete(key) {
      const node = nodes.get(key);
      if (node !== undefined) drop(node);
    },
    get weight() {
      return held;
    },
    get size() {
      return nodes.size;
    },
  };
}
