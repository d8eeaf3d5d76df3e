import type { Cluster } from "ioredis";
import type { ShardGuard } from "../cache/redis.ts";
import type { LeaseStore } from "./lease.ts";

/** Only the holder: a lease that has ended may be another's by now. */
const extendIfHeld =
  'if redis.call("get", KEYS[1]) == ARGV[1] then return redis.call("pexpire", KEYS[1], ARGV[2]) end return 0';
const dropIfHeld =
  'if redis.call("get", KEYS[1]) == ARGV[1] then return redis.call("del", KEYS[1]) end return 0';

/**
 * Leases in Redis Cluster, each on the shard of the entry that it is about: `{…}` is the part of a key that is hashed.
 * So a lease is to be had just where the entry is, and a shard that is ill has neither.
 *
 * Commands go through the shard's guard, where they have places of their own and share its breaker: an open one rejects
 * them at once.
 */
export function redisLeases(
  client: Cluster,
  guardOf: (key: string) => Pick<ShardGuard, "lease">,
): LeaseStore {
  const leaseKey = (key: string) => `lease:{${key}}`;
  return {
    async take(key, token, ttlMs, signal) {
      const set = () => client.set(leaseKey(key), token, "PX", ttlMs, "NX");
      return (await guardOf(key).lease(set)(signal)) === "OK";
    },
    async extend(key, token, ttlMs, signal) {
      await guardOf(key).lease(() => client.eval(extendIfHeld, 1, leaseKey(key), token, ttlMs))(signal);
    },
    async drop(key, token, signal) {
      await guardOf(key).lease(() => client.eval(dropIfHeld, 1, leaseKey(key), token))(signal);
    },
  };
}
