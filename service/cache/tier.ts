/** A stored value, with what decides whether it may be served. */
export interface Entry<V> {
  readonly value: V;
  /** When it was stored, in ms since the epoch. */
  readonly storedAt: number;
  /** How long from then it is served without asking for a new one, in ms. Each entry has its own: see jitter. */
  readonly freshForMs: number;
  /** How long making it took, in ms: what a refresh will cost. */
  readonly computeMs: number;
  /** The number of the latest invalidation that was known when making it began. */
  readonly epoch: number;
  /** What it can be invalidated by: its tenant, its model, its key, its tags. */
  readonly scopes: readonly string[];
}

/**
 * One place where a value may already be.
 *
 * A tier that is down throws; an error is never a miss. An entry that is damaged is a miss.
 */
export interface Tier<V> {
  read(key: string, signal: AbortSignal): Promise<Entry<V> | undefined>;
  /** The same where it takes no waiting; undefined: this tier always has to wait. */
  readonly readNow?: ((key: string) => Entry<V> | undefined) | undefined;
  write(key: string, entry: Entry<V>, signal: AbortSignal): Promise<void>;
}
