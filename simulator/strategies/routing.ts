import type { RequestLog } from "../log/log.ts";
import { mix } from "./hashing.ts";
import type { AnswersSpec } from "./spec.ts";
import { StrategyError } from "./strategy-error.ts";

const pointsPerReplica = 160;

/** Which replica a row comes to, among those that `isUp`; -1 where none is. */
export type Route = (row: number, isUp: (replica: number) => boolean) => number;

/**
 * Builds the routing of a strategy. Random takes the row's number as its seed, so every run routes alike; a ring of
 * 160 points a replica gives consistent hashing, so a lost replica's keys alone move.
 *
 * @throws StrategyError `NOT_IN_LOG` for sticky routing where the log names no clients
 */
export function createRoute({ replicas, routing }: AnswersSpec, log: RequestLog, key: Uint32Array): Route {
  if (replicas === 1) return (_row, isUp) => (isUp(0) ? 0 : -1);
  if (routing === "random") {
    return (row, isUp) => {
      const hash = mix(row + 0x9e3779b9);
      if (isUp(hash % replicas)) return hash % replicas;
      const up = Array.from({ length: replicas }, (_, replica) => replica).filter(isUp);
      return up[hash % up.length] ?? -1;
    };
  }
  if (routing === "sticky" && log.client === undefined) {
    throw new StrategyError(
      "NOT_IN_LOG",
      `Cannot route "sticky" on log "${log.name}": it names no clients`,
      'Take "random" or "consistent-hash", or a log whose rows say who asked.',
    );
  }
  const column = routing === "sticky" ? (log.client ?? key) : key;
  const ring = Array.from({ length: replicas * pointsPerReplica }, (_, point) => ({
    hash: mix(mix(point + 1) ^ 0x5bd1e995),
    replica: Math.floor(point / pointsPerReplica),
  })).sort((a, b) => a.hash - b.hash);
  const hashes = Uint32Array.from(ring, ({ hash }) => hash);
  const owners = Uint8Array.from(ring, ({ replica }) => replica);
  return (row, isUp) => {
    const hash = mix((column[row] as number) + 0x51ed270b);
    let low = 0;
    let high = hashes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((hashes[middle] as number) < hash) low = middle + 1;
      else high = middle;
    }
    for (let step = 0; step < owners.length; step++) {
      const replica = owners[(low + step) % owners.length] as number;
      if (isUp(replica)) return replica;
    }
    return -1;
  };
}
