import { setTimeout as pause } from "node:timers/promises";
import { type LeaseStore, oncePerCluster } from "../../../service/answering/lease.ts";
import { ownTime } from "../../../service/resilience/own-time.ts";

/** Stands for Redis: leases, and what was made under them. */
const held = new Map<string, string>();
const stored = new Map<string, string>();
const store: LeaseStore = {
  async take(key, token) {
    if (held.has(key)) return false;
    held.set(key, token);
    return true;
  },
  async extend() {},
  async drop(key, token) {
    if (held.get(key) === token) held.delete(key);
  },
};
let rendered = 0;
async function renderPage(name: string): Promise<string> {
  rendered++;
  await pause(30);
  return `page ${name}`;
}

// #region use
/** In each process one. */
const once = oncePerCluster({
  store,
  ttlMs: 600,
  limit: ownTime(50),
  newToken: () => crypto.randomUUID(),
  pause: (ms, signal) => pause(ms, undefined, { signal }),
  random: Math.random,
  onResult: (result) => console.log(`page: ${result}`),
});

function page(name: string, caller: AbortSignal): Promise<string> {
  return once(
    name,
    async () => stored.get(name),
    async () => {
      const value = await renderPage(name);
      // The lease is held until the others can find it.
      return { value, stored: Promise.resolve(void stored.set(name, value)) };
    },
    caller,
  );
}
// #endregion use

const signal = new AbortController().signal;
console.log(await Promise.all([page("home", signal), page("home", signal)]));
console.log(`rendered ${rendered} time`);
