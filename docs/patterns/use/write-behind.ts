import type { NamedTier } from "../../../service/cache/layered.ts";
import { writeBehind } from "../../../service/cache/write-behind.ts";

const open = Promise.withResolvers<void>();
/** Stands for Redis, which is slow. */
const redis: NamedTier<string> = {
  name: "redis",
  read: async () => undefined,
  write: () => open.promise,
};

// #region use
const behind = writeBehind(redis, {
  ...{ maxEntries: 3, maxBytes: 16_777_216, concurrency: 1 },
  bytesOf: (key, { value }) => key.length + Buffer.byteLength(value),
  onLost: (why) => console.log(`lost: ${why}`),
});

/** Nobody waits for it. */
function store(key: string, value: string): void {
  const entry = { value, storedAt: Date.now(), freshForMs: 60_000, computeMs: 0, epoch: 0, scopes: [] };
  // Told by `onLost` already.
  behind.write(key, entry, new AbortController().signal).catch(() => undefined);
}

/** When the process stops. */
const stop = () => behind.stop(1000);
// #endregion use

for (const key of ["a", "b", "c", "d", "e"]) store(key, "tide");
console.log(`${behind.waiting().entries} wait`);
console.log((await behind.read("c", new AbortController().signal))?.value);
open.resolve();
await stop();
console.log(`${behind.waiting().entries} wait`);
