/**
 * Doubly linked lists over dense ids, in one typed array: node i has its newer neighbour at 2i and its older
 * one at 2i+1, so that both are on one cache line. Each list is a ring through a sentinel, a node behind
 * the keys: sentinel n of `keys` keys is node keys+n. No list is ever without a node, so nothing branches.
 */
export function createLinks(keys: number, lists: number): Int32Array {
  const links = new Int32Array(2 * (keys + lists));
  for (let sentinel = keys; sentinel < keys + lists; sentinel++) clearList(links, sentinel);
  return links;
}

/** Makes a list empty. Its former nodes stay linked to one another: nothing may unlink them any more. */
export function clearList(links: Int32Array, sentinel: number): void {
  links[2 * sentinel] = sentinel;
  links[2 * sentinel + 1] = sentinel;
}

/** The neighbour on the newer side: of the newest node the sentinel. */
export function newer(links: Int32Array, node: number): number {
  return links[2 * node] as number;
}

/** The neighbour on the older side: of the oldest node the sentinel. */
export function older(links: Int32Array, node: number): number {
  return links[2 * node + 1] as number;
}

/** The node that came first of those still there; the sentinel itself where the list is empty. */
export function oldest(links: Int32Array, sentinel: number): number {
  return links[2 * sentinel] as number;
}

export function unlink(links: Int32Array, node: number): void {
  const above = links[2 * node] as number;
  const below = links[2 * node + 1] as number;
  links[2 * above + 1] = below;
  links[2 * below] = above;
}

/** Puts a node that is in no list at the newest end. */
export function push(links: Int32Array, sentinel: number, node: number): void {
  const below = links[2 * sentinel + 1] as number;
  links[2 * sentinel + 1] = node;
  links[2 * node] = sentinel;
  links[2 * node + 1] = below;
  links[2 * below] = node;
}
