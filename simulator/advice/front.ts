/** A choice with a price (smaller is better) and a gain (larger is better). */
export interface Point {
  readonly size: number;
  readonly gain: number;
}

/**
 * The Pareto front: the points that no other beats, which is to say is no larger and gains no less, and is better in
 * one of the two. By rising size; of equal points the first.
 */
export function paretoFront<P extends Point>(points: readonly P[]): P[] {
  const ordered = points.toSorted((a, b) => a.size - b.size || b.gain - a.gain);
  const front: P[] = [];
  let best = Number.NEGATIVE_INFINITY;
  for (const point of ordered) {
    if (!(point.gain > best)) continue;
    front.push(point);
    best = point.gain;
  }
  return front;
}

/**
 * The knee of a front: the point farthest above the straight line from its first to its last point, both axes scaled
 * to 0..1 (Kneedle's rule, Satopää et al. 2011, without its smoothing). Undefined for fewer than three points.
 */
export function kneeOf<P extends Point>(front: readonly P[]): P | undefined {
  const first = front[0];
  const last = front.at(-1);
  if (front.length < 3 || first === undefined || last === undefined) return undefined;
  const above = (point: P) =>
    (point.gain - first.gain) / (last.gain - first.gain) -
    (point.size - first.size) / (last.size - first.size);
  return front.reduce((best, point) => (above(point) > above(best) ? point : best));
}
