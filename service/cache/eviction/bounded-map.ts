/**
 * Values by key that together weigh no more than a bound. What makes room for a new one, the policy decides.
 *
 * Weights are in bytes, or in whatever else the bound is.
 */
export interface BoundedMap<T> {
  /** The value; being asked for it counts as a use. */
  get(key: string): T | undefined;
  /** Puts a value in, or another in its place. One that weighs more than the bound takes the old one out, and no more. */
  set(key: string, value: T, weight: number): void;
  delete(key: string): void;
  /** What is taken of the bound, in all. */
  readonly weight: number;
  readonly size: number;
}

export interface BoundedMapSettings {
  readonly maxWeight: number;
  /** What it weighs to remember a key whose value is gone, where the policy does. */
  readonly ghostWeight: number;
  /** Told of each value that made room for another. */
  readonly onEvicted: () => void;
}

export type CreateBoundedMap = <T>(settings: BoundedMapSettings) => BoundedMap<T>;
