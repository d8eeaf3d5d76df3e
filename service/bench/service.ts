import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import autocannon from "autocannon";
import { Cluster } from "ioredis";
import { z } from "zod";
import { startModelStub } from "../testing/model-stub.ts";
import { startRedisCluster } from "../testing/redis-cluster.ts";
import { requestFor } from "../testing/service-under-test.ts";

/**
 * What a hit costs, against a bare Express handler and against bentocache: the same POST bodies, one process each,
 * the same Redis Cluster. Rounds alternate between the servers, and ratios are of one round: so a noisy machine
 * disturbs both sides alike.
 */
const rounds = Number(process.argv[2] ?? 5);
const roundS = Number(process.argv[3] ?? 3);
const connections = 32;
const questions = 200;
const ticksPerSecond = 100;

const bodies = Array.from({ length: questions }, (_, i) => JSON.stringify(requestFor(`Bench question ${i}`)));

interface Contender extends AsyncDisposable {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
}

const listening = z.looseObject({ msg: z.literal("listening"), address: z.object({ port: z.number() }) });

async function start(name: string, file: string, env: Record<string, string>): Promise<Contender> {
  const child = spawn(process.execPath, [join(import.meta.dirname, file)], {
    env: { ...env, NODE_ENV: "production" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const kill = () => void child.kill("SIGKILL");
  process.once("exit", kill);
  const exited = once(child, "exit");
  const { promise: port, resolve } = Promise.withResolvers<number>();
  // Read to the end, so that a full pipe never slows the one who logs.
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (!line.includes("listening")) return;
    const { data } = listening.safeParse(JSON.parse(line));
    if (data !== undefined) resolve(data.address.port);
  });
  const died = exited.then(() => Promise.reject(new Error(`${name} ended before it listened`)));
  const listeningAt = await Promise.race([port, died]);
  died.catch(() => undefined);
  return {
    name,
    url: `http://127.0.0.1:${listeningAt}/v1/chat/completions`,
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      kill();
      await exited;
      process.off("exit", kill);
    },
  };
}

/** User and system time of a process so far, from /proc. */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

interface Round {
  readonly perSecond: number;
  readonly cpuMicros: number;
}

async function measure({ url, pid, name }: Contender): Promise<Round> {
  const before = cpuSeconds(pid);
  const result = await autocannon({
    url,
    connections,
    duration: roundS,
    requests: bodies.map((body) => ({
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    })),
  });
  if (result.non2xx > 0 || result.errors > 0) {
    throw new Error(`Cannot measure ${name}: ${result.non2xx} refusals, ${result.errors} errors`);
  }
  const answered = result["2xx"];
  return {
    perSecond: answered / result.duration,
    cpuMicros: ((cpuSeconds(pid) - before) / answered) * 1e6,
  };
}

/** Asks every question until each answer comes from the cache. */
async function warm({ url, name }: Contender): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt++) {
    let hits = 0;
    for (const body of bodies) {
      const response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
      });
      await response.text();
      const cache = response.headers.get("x-cache");
      if (response.ok && (cache === null ? attempt > 0 : cache === "hit")) hits++;
    }
    if (hits === bodies.length) return;
  }
  throw new Error(`Cannot warm ${name}: not every question is a hit after 50 attempts`);
}

const median = (values: number[]) => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
};

await using cleanUp = new AsyncDisposableStack();
const cluster = cleanUp.use(await startRedisCluster());
const model = cleanUp.use(await startModelStub());
const ours = { BW_REDIS_NODES: cluster.addresses, BW_MODEL_URL: model.url, BW_PORT: "0" };
const theirs = { REDIS_NODES: cluster.addresses, MODEL_URL: model.url };

const seed = new Cluster(
  cluster.addresses.split(",").map((address) => {
    const [host = "", port] = address.split(":");
    return { host, port: Number(port) };
  }),
);
cleanUp.defer(() => seed.disconnect());
const example = await (
  await fetch(`${model.url}/v1/chat/completions`, { method: "POST", body: bodies[0] ?? "" })
).text();
for (const body of bodies) await seed.set(`bare:${body}`, example);

const bare = cleanUp.use(await start("bare Express + ioredis GET", "bare-server.ts", theirs));
const contenders = [
  bare,
  cleanUp.use(await start("service, L2 hit", "../main.ts", { ...ours, BW_CACHE_L1: "off" })),
  cleanUp.use(await start("service, L1 hit", "../main.ts", ours)),
  cleanUp.use(await start("bentocache, L2 hit", "bento-server.ts", { ...theirs, L1: "off" })),
  cleanUp.use(await start("bentocache, L1 hit", "bento-server.ts", theirs)),
];
for (const contender of contenders) {
  await warm(contender);
  await measure(contender);
}

const results = new Map<Contender, Round[]>(contenders.map((contender) => [contender, []]));
for (let round = 0; round < rounds; round++) {
  for (const [contender, measured] of results) measured.push(await measure(contender));
}

const bareRounds = results.get(bare) ?? [];
console.log(
  `${rounds} rounds of ${roundS} s, ${connections} connections; medians; against bare: ratios in one round`,
);
console.log(`${"".padEnd(28)}requests/s   CPU a request   throughput of bare's   CPU of bare's`);
for (const [{ name }, measured] of results) {
  const throughput = median(
    measured.map((round, i) => round.perSecond / (bareRounds[i]?.perSecond ?? Number.NaN)),
  );
  const cpu = median(measured.map((round, i) => round.cpuMicros / (bareRounds[i]?.cpuMicros ?? Number.NaN)));
  console.log(
    [
      name.padEnd(28),
      median(measured.map(({ perSecond }) => perSecond))
        .toFixed(0)
        .padStart(10),
      `${median(measured.map(({ cpuMicros }) => cpuMicros)).toFixed(0)} µs`.padStart(16),
      throughput.toFixed(2).padStart(23),
      cpu.toFixed(2).padStart(16),
    ].join(""),
  );
}
