import { isShardFailure } from "../../../service/cache/redis-errors.ts";
import { shardGuards } from "../../../service/cache/shards.ts";
import { BreakerOpen, breaker } from "../../../service/resilience/breaker.ts";

const masters = ["10.0.0.1:6379", "10.0.0.2:6379"];
/** Stands for an ioredis Cluster of two masters, of which one is gone. */
const client = {
  slots: Array.from({ length: 16_384 }, (_, slot) => [masters[slot < 8192 ? 0 : 1] ?? ""]),
  async get(key: string): Promise<string> {
    if (key === "there") return "tide";
    throw new Error("Connection is closed.");
  },
};

// #region use
const settings = {
  ...{ windowCalls: 20, minimumCalls: 10, failureShare: 0.5 },
  ...{ slowCallMs: 100, slowCallShare: 0.8, openMs: 500, probeMs: 5000 },
};
const guardOf = shardGuards(
  client,
  (master) =>
    breaker(settings, {
      isFailure: isShardFailure,
      onState: (state) => console.log(`${master}: ${state}`),
      now: performance.now.bind(performance),
    }),
  () => undefined,
);

/** @throws BreakerOpen at once, where the key's shard is being left alone */
function read(key: string, caller: AbortSignal): Promise<string | null> {
  return guardOf(key)(() => client.get(key))(caller);
}
// #endregion use

const { signal } = new AbortController();
const tell = (thrown: unknown) => (thrown instanceof BreakerOpen ? "left alone" : "failed");
for (let call = 1; call <= 10; call++) await read("lost", signal).catch(tell);
console.log(await read("lost", signal).catch(tell));
console.log(await read("there", signal).catch(tell));
