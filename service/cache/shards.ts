import { type Cluster, Command } from "ioredis";

/**
 * One guard a shard, made when the shard is first seen.
 *
 * A shard is known by the address of its master of now. So one dead shard leaves the cache of the healthy
 * ones alone, and a promoted replica starts with a guard that has not seen the old master fail.
 */
export function shardGuards<G>(
  client: Pick<Cluster, "slots">,
  create: (master: string) => G,
  forget: (guard: G) => void,
) {
  const guards = new Map<string, G>();
  return (key: string): G => {
    const master = masterOf(client, key);
    const known = guards.get(master);
    if (known !== undefined) return known;
    // Rare: the topology has changed. Masters come and go for ever where addresses are not reused.
    const masters = new Set(client.slots.map((addresses) => addresses?.[0]));
    for (const [gone, guard] of [...guards].filter(([address]) => !masters.has(address))) {
      guards.delete(gone);
      forget(guard);
    }
    const created = create(master);
    guards.set(master, created);
    return created;
  };
}

/** The master that the client would send a key's command to, as `host:port`; "unknown" before it knows any. */
function masterOf(client: Pick<Cluster, "slots">, key: string): string {
  return client.slots[new Command("get", [key]).getSlot()]?.[0] ?? "unknown";
}
