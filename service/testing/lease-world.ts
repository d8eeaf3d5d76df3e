import { mock } from "node:test";
import { type LeaseResult, type LeaseStore, oncePerCluster } from "../answering/lease.ts";
import type { Policy } from "../resilience/policy.ts";

export const ttlMs = 600;
const direct: Policy = (call) => call;
export const staying = () => new AbortController().signal;

/** Leases and what is stored, in a time that the test moves on. */
export function world({ limit = direct, random = () => 0 }: { limit?: Policy; random?: () => number } = {}) {
  let now = 0;
  let ill = false;
  const leases = new Map<string, { token: string; until: number }>();
  const stored = new Map<string, string>();
  const results: LeaseResult[] = [];
  const told = { drops: 0, extensions: 0, onTake: () => {}, pausesMs: [] as number[] };
  const takenWith: AbortSignal[] = [];
  let dropped = Promise.resolve();
  const pauses: { at: number; resume(): void }[] = [];
  const held = (key: string) => {
    const lease = leases.get(key);
    return lease !== undefined && lease.until > now ? lease : undefined;
  };
  const asked = async () => {
    if (ill) throw new Error("the shard is ill");
  };
  const store: LeaseStore = {
    async take(key, token, ms, signal) {
      takenWith.push(signal);
      await asked();
      told.onTake();
      if (held(key) !== undefined) return false;
      leases.set(key, { token, until: now + ms });
      return true;
    },
    async extend(key, token, ms) {
      told.extensions++;
      await asked();
      const lease = held(key);
      if (lease?.token === token) lease.until = now + ms;
    },
    async drop(key, token) {
      told.drops++;
      await dropped;
      await asked();
      if (held(key)?.token === token) leases.delete(key);
    },
  };
  let tokens = 0;
  const once = oncePerCluster({
    store,
    ttlMs,
    limit,
    newToken: () => `token ${++tokens}`,
    pause: (ms, signal) =>
      new Promise((resolve, reject) => {
        told.pausesMs.push(ms);
        pauses.push({ at: now + ms, resume: resolve });
        signal.addEventListener("abort", () => reject(signal.reason));
      }),
    random,
    onResult: (result) => results.push(result),
  });
  return {
    results,
    held,
    stored,
    takenWith,
    told,
    ask: (
      make: () => Promise<{ value: string; stored: Promise<void> }>,
      signal = staying(),
      look: (signal: AbortSignal) => Promise<string | undefined> = async () => stored.get("key"),
    ) => once("key", look, make, signal),
    fallIll: () => {
      ill = true;
    },
    answerNoDrop: () => {
      dropped = new Promise(() => undefined);
    },
    /** Lets `ms` go by, in steps in which everything that is due happens. */
    async pass(ms: number) {
      for (const end = now + ms; now < end; ) {
        now += 5;
        mock.timers.tick(5);
        for (const pause of pauses.splice(0)) {
          if (pause.at <= now) pause.resume();
          else pauses.push(pause);
        }
        for (let turn = 0; turn < 20; turn++) await Promise.resolve();
      }
    },
  };
}

/** Something that is made when the test says so. */
export function making(stored: Map<string, string>) {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const written = Promise.withResolvers<void>();
  let calls = 0;
  return {
    calls: () => calls,
    finish: resolve,
    fail: reject,
    write: (value: string) => {
      stored.set("key", value);
      written.resolve();
    },
    make: async () => {
      calls++;
      return { value: await promise, stored: written.promise };
    },
  };
}

export const mustNotMake = () => Promise.reject(new Error("made twice"));
