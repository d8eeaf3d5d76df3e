import { type Cluster, Command } from "ioredis";

/**
 * One guard a shard, made when the shard is first seen.
 *
 * A shard is known by the address of its master of now. So one dead shard leaves the cache of the healthy
 * ones alone, and a promoted replica starts with a guard that has not seen the old master fail. There are
 * never more guards than masters now and one: each new one is the occasion to forget those without a slot.
 */
export function shardGuards<G>(
  client: Pick<Cluster, "slots">,
  create: (master: string) => G,
  forget: (guard: G) => void,
) {
  const guards = new Map<string, G>();
  return (key: string): G => {
    const master = masterOf(client, key) ?? "unknown";
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

/**
 * The master that the client would send a command about this key, or channel, to, as `host:port`; undefined
 * before it knows any.
 */
export function masterOf(client: Pick<Cluster, "slots">, key: string): string | undefined {
  return client.slots[new Command("get", [key]).getSlot()]?.[0];
}
