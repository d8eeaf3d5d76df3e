import { connectedClient } from "../testing/redis-clients.ts";
import { eventually, startRedisCluster } from "../testing/redis-cluster.ts";
import { harmedKey, type ShardFault, shardFaults } from "../testing/shard-faults.ts";

/**
 * How long after a replica's promotion the client's commands to that shard succeed again, for each way in which
 * a master can be gone. The promotion is seen at the replica itself (ROLE), 5 ms late at most. Every round has a
 * cluster and a client of its own; prints minimum, median and maximum.
 */
const rounds = Number(process.argv[2] ?? 5);
const commandEveryMs = 10;

interface Round {
  readonly recoveredMs: number;
  readonly slowestMs: number;
}

async function round(fault: ShardFault): Promise<Round> {
  await using cluster = await startRedisCluster({ replicas: true, relayed: true });
  using client = await connectedClient(cluster);
  const successes: { readonly sentAt: number; readonly at: number }[] = [];
  let slowestMs = 0;
  const load = setInterval(() => {
    const sentAt = performance.now();
    client
      .get(harmedKey)
      .then(() => successes.push({ sentAt, at: performance.now() }))
      .catch(() => undefined)
      .finally(() => {
        slowestMs = Math.max(slowestMs, performance.now() - sentAt);
      });
  }, commandEveryMs);
  try {
    await eventually(() => successes.length > 10);
    await fault.cause(cluster);
    const causedAt = performance.now();
    await fault.promotion(cluster);
    const promotedAt = performance.now();
    const first = () => successes.find(({ sentAt }) => sentAt > causedAt + 500);
    await eventually(() => first() !== undefined);
    return { recoveredMs: (first()?.at ?? Number.NaN) - promotedAt, slowestMs };
  } finally {
    clearInterval(load);
  }
}

for (const fault of shardFaults) {
  const results: Round[] = [];
  for (let i = 0; i < rounds; i++) results.push(await round(fault));
  const slowest = Math.max(...results.map(({ slowestMs }) => slowestMs));
  console.log(
    `${fault.name.padEnd(26)} ${spread(results.map(({ recoveredMs }) => recoveredMs))} ms after the promotion; ` +
      `slowest command ${slowest.toFixed(0)} ms; ${rounds} rounds`,
  );
}

function spread(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)];
  return [sorted[0], median, sorted.at(-1)].map((value) => (value ?? Number.NaN).toFixed(0)).join(" / ");
}
