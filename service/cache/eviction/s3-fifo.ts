import type { BoundedMap, BoundedMapSettings } from "./bounded-map.ts";
import { Queue, type Queued } from "./queue.ts";

interface Node<T> extends Queued<Node<T>> {
  readonly key: string;
  /** undefined: a ghost, remembered and not held. */
  held: { value: T } | undefined;
  weight: number;
  place: "small" | "main" | "ghosts";
  uses: number;
}

/** Of the bound, for what is new. */
const smallShare = 0.1;
/** Of the bound: how much the values of the remembered keys weighed. */
const ghostShare = 0.9;
const promoteAtUses = 2;
const maxUses = 3;

/**
 * S3-FIFO (Yang et al., SOSP 2023), as in its authors' code: a small queue for what is new, a main queue in which
 * what was used goes around again, and a queue of ghosts: keys that left the small queue unused, and go to the
 * main one when they come back. What is asked for once passes through a tenth of the room.
 */
export function s3Fifo<T>({ maxWeight, ghostWeight, onEvicted }: BoundedMapSettings): BoundedMap<T> {
  const nodes = new Map<string, Node<T>>();
  const queues = { small: new Queue<Node<T>>(), main: new Queue<Node<T>>(), ghosts: new Queue<Node<T>>() };
  const weights = { small: 0, main: 0, ghosts: 0 };
  let ghostCount = 0;
  const maxSmall = Math.max(1, Math.floor(maxWeight * smallShare));
  const maxMain = maxWeight - maxSmall;
  const maxGhosts = Math.floor(maxWeight * ghostShare);

  function leave(node: Node<T>): void {
    queues[node.place].remove(node);
    weights[node.place] -= node.weight;
    if (node.place === "ghosts") ghostCount--;
  }

  function enter(node: Node<T>, place: Node<T>["place"]): void {
    node.place = place;
    queues[place].push(node);
    weights[place] += node.weight;
    if (place === "ghosts") ghostCount++;
  }

  function forget(node: Node<T>): void {
    leave(node);
    nodes.delete(node.key);
  }

  function forgetOldestGhost(): void {
    const { oldest } = queues.ghosts;
    if (oldest !== undefined) forget(oldest);
  }

  function becomeGhost(node: Node<T>): void {
    leave(node);
    node.held = undefined;
    if (node.weight > maxGhosts) {
      nodes.delete(node.key);
      return;
    }
    while (weights.ghosts + node.weight > maxGhosts) forgetOldestGhost();
    enter(node, "ghosts");
  }

  /** Evicts one value; none where all of them went on to the main queue. */
  function evictFromSmall(): void {
    for (let node = queues.small.oldest; node !== undefined; node = queues.small.oldest) {
      if (node.uses < promoteAtUses) {
        becomeGhost(node);
        onEvicted();
        return;
      }
      leave(node);
      node.uses = 0;
      enter(node, "main");
      if (weights.main > maxMain) evictFromMain();
    }
  }

  function evictFromMain(): void {
    for (let node = queues.main.oldest; node !== undefined; node = queues.main.oldest) {
      if (node.uses === 0) {
        forget(node);
        onEvicted();
        return;
      }
      node.uses--;
      leave(node);
      enter(node, "main");
    }
  }

  const weightOf = (ghosts: number) => weights.small + weights.main + ghosts * ghostWeight;

  function makeRoom(needed: number): void {
    while (weightOf(ghostCount) + needed > maxWeight) {
      // Memories go last of all: once they are all there is.
      if (weights.small + weights.main === 0) forgetOldestGhost();
      else if (weights.small > 0 && (weights.small >= maxSmall || weights.main === 0)) evictFromSmall();
      else evictFromMain();
    }
  }

  return {
    get(key) {
      const node = nodes.get(key);
      if (node?.held === undefined) return undefined;
      node.uses = Math.min(maxUses, node.uses + 1);
      return node.held.value;
    },
    set(key, value, weight) {
      const known = nodes.get(key);
      if (weight > maxWeight) {
        if (known !== undefined) forget(known);
        return;
      }
      if (known?.held !== undefined) {
        weights[known.place] += weight - known.weight;
        known.held = { value };
        known.weight = weight;
        known.uses = Math.min(maxUses, known.uses + 1);
        makeRoom(0);
        return;
      }
      makeRoom(weight);
      // Asked again: making room may have let this very ghost go.
      const ghost = nodes.get(key);
      if (ghost !== undefined) forget(ghost);
      const links = { older: undefined, newer: undefined };
      const node: Node<T> = { key, held: { value }, weight, place: "small", uses: 0, ...links };
      nodes.set(key, node);
      enter(node, ghost === undefined ? "small" : "main");
    },
    delete(key) {
      const node = nodes.get(key);
      if (node?.held !== undefined) forget(node);
    },
    get weight() {
      return weightOf(ghostCount);
    },
    get size() {
      return nodes.size - ghostCount;
    },
  };
}
