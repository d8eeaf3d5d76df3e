import { layered, type NamedTier, type TierName } from "../../../service/cache/layered.ts";
import type { Entry } from "../../../service/cache/tier.ts";

let isDown = false;
/** Stands for a tier in memory, and for Redis, which can be down. */
function tierOf(name: TierName): NamedTier<string> & { readonly entries: Map<string, Entry<string>> } {
  const entries = new Map<string, Entry<string>>();
  const mayFail = () => {
    if (name === "redis" && isDown) throw new Error("Redis is down");
  };
  return {
    name,
    entries,
    async read(key) {
      mayFail();
      return entries.get(key);
    },
    async write(key, entry) {
      mayFail();
      entries.set(key, entry);
    },
  };
}
const memory = tierOf("memory");
const redis = tierOf("redis");

// #region use
const cache = layered<string>([memory, redis], {
  now: Date.now,
  writesThrough: false,
  bytesOf: Buffer.byteLength,
  maxValueBytes: 262_144,
  onRead: (tier, result) => console.log(`${tier}: ${result}`),
  onTooLarge: () => console.log("too large"),
  onWriteFailure: (tier, thrown) => console.log(`${tier}: ${thrown}`),
});

/** Undefined: there is none. A cache that could not be asked is not empty, and says so. */
async function stored(key: string, caller: AbortSignal): Promise<string | undefined> {
  const { found, failures } = await cache.read(key, caller);
  if (found === undefined && failures.size > 0) throw new Error("the cache could not be asked");
  return found?.entry.value;
}
// #endregion use

const { signal } = new AbortController();
const entry = { storedAt: Date.now(), freshForMs: 3_600_000, computeMs: 0, epoch: 0, scopes: [] };
await cache.write("tides", { ...entry, value: "high at noon" });
console.log(await stored("tides", signal));
memory.entries.clear();
console.log(await stored("tides", signal), memory.entries.size);
memory.entries.clear();
isDown = true;
console.log(await stored("tides", signal).catch((thrown: Error) => thrown.message));
