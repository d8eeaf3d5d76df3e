import { connect, createServer, type Server, type Socket } from "node:net";
import type { LinkTraffic } from "../../journal/event.ts";
import { lifetimes } from "./lifetimes.ts";
import {
  type Destination,
  type FromRouter,
  type Listener,
  readinessStalenessMs,
  reportEveryMs,
  type Source,
  type Target,
  type ToRouter,
} from "./router-protocol.ts";
import { ownerOf } from "./socket-owner.ts";

/**
 * The router: a process of its own, so that a stall of the harness does not look like a network fault. It
 * listens on the addresses that members are announced under, finds from whom each connection comes, and hands
 * it to the Toxiproxy proxy of that one link.
 */

const sources = new Map<string, Source>();
const choices: Record<string, number> = {};
const traffic: Record<string, { connections: number; bytesOut: number; bytesIn: number }> = {};
const ready = new Map<string, boolean>();
const lives = lifetimes();
const servers = new Map<string, { listener: Listener; server: Server }>();

process.on("message", (message: ToRouter) => {
  switch (message.type) {
    case "configure":
      for (const source of message.sources) sources.set(source.id, source);
      Promise.all(message.listeners.map(listen)).then(
        () => tell({ type: "ready" }),
        (cause: Error) => tell({ type: "failed", message: cause.message }),
      );
      watchReadiness(message.listeners.flatMap(({ destinations }) => destinations));
      return;
    case "source-pid": {
      const source = sources.get(message.id);
      if (source !== undefined) sources.set(message.id, { ...source, pid: message.pid });
      return;
    }
    case "lifetime":
      lives.limit(message.link, message.lifetimeMs);
      return;
    case "listen":
      for (const { listener, server } of servers.values()) {
        if (!listener.destinations.every(({ id }) => id === message.destination)) continue;
        if (message.on && !server.listening) server.listen(listener.port, listener.address);
        if (!message.on) server.close();
      }
      return;
  }
});
// The harness is gone, and with it the run.
process.on("disconnect", () => process.exit(0));
setInterval(() => tell({ type: "report", traffic: { entry: choices, links: traffic } }), reportEveryMs);

function tell(message: FromRouter): void {
  process.send?.(message);
}

async function listen(listener: Listener): Promise<void> {
  const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (client) => {
    client.on("error", () => client.destroy());
    route(client, listener).catch(() => client.resetAndDestroy());
  });
  servers.set(listener.name, { listener, server });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(listener.port, listener.address, 1024, () => {
      server.off("error", reject);
      server.on("error", (error) => process.stderr.write(`${listener.name}: ${error.message}\n`));
      resolve();
    });
  });
}

async function route(client: Socket, listener: Listener): Promise<void> {
  const destination = choose(listener, client.remoteAddress);
  if (destination === undefined) {
    client.resetAndDestroy();
    return;
  }
  if (destination.proxies === undefined) {
    choices[destination.id] = (choices[destination.id] ?? 0) + 1;
    join(client, destination.direct);
    return;
  }
  const source = await sourceOf(client, listener);
  if (source === "closed") {
    client.destroy();
    return;
  }
  const proxy = source === "unknown" ? undefined : destination.proxies[source.id];
  if (source === "unknown" || proxy === undefined) {
    tell({
      type: "bypass",
      to: destination.id,
      from: source === "unknown" ? `${client.remoteAddress}:${client.remotePort}` : source.id,
    });
    join(client, destination.direct);
    return;
  }
  const isProbe =
    client.remoteAddress === source.probeAddress || client.remoteAddress === destination.probeAddress;
  const link = `${source.id}>${destination.id}`;
  const upstream = join(client, proxy, isProbe ? undefined : counterOf(link));
  lives.add(link, client, upstream);
}

const turn = new Map<string, number>();

/** The ready destinations in turn, as a Kubernetes service spreads its connections. */
function choose({ name, destinations }: Listener, from: string | undefined): Destination | undefined {
  const probed = destinations.find(({ probeAddress }) => probeAddress !== undefined && probeAddress === from);
  if (probed !== undefined) return probed;
  const able = destinations.filter(({ id, readyPath }) => readyPath === undefined || ready.get(id) === true);
  const next = turn.get(name) ?? 0;
  turn.set(name, next + 1);
  return able[next % able.length];
}

/** From whom a connection comes: by the listener where each source has its own, else by address, else by its owner. */
async function sourceOf(client: Socket, listener: Listener): Promise<Source | "unknown" | "closed"> {
  const { remoteAddress: address, remotePort: port, localAddress, localPort } = client;
  if (address === undefined || port === undefined || localAddress === undefined || localPort === undefined)
    return "closed";
  const all = [...sources.values()];
  if (listener.source !== undefined) return sources.get(listener.source) ?? "unknown";
  const byAddress = all.find((source) => source.address === address || source.probeAddress === address);
  if (byAddress !== undefined) return byAddress;
  return await ownerOf({ address, port }, { address: localAddress, port: localPort }, all);
}

function counterOf(link: string): { connections: number; bytesOut: number; bytesIn: number } {
  const counter = traffic[link] ?? { connections: 0, bytesOut: 0, bytesIn: 0 };
  traffic[link] = counter;
  counter.connections += 1;
  return counter;
}

/** Passes bytes both ways until either side ends; a reset on one side is a reset on the other. */
function join(
  client: Socket,
  { host, port }: Target,
  counter?: { bytesOut: number; bytesIn: number } & LinkTraffic,
): Socket {
  const upstream = connect({ host, port, allowHalfOpen: true, noDelay: true });
  upstream.on("data", (chunk) => {
    if (counter !== undefined) counter.bytesIn += chunk.length;
  });
  client.on("data", (chunk) => {
    if (counter !== undefined) counter.bytesOut += chunk.length;
  });
  client.pipe(upstream);
  upstream.pipe(client);
  upstream.on("error", () => client.resetAndDestroy());
  client.on("error", () => upstream.resetAndDestroy());
  // What was received before the end is still to be delivered.
  upstream.on("close", () => client.destroySoon());
  client.on("close", () => upstream.destroySoon());
  return upstream;
}

/** Asks each replica directly, past all links, as a kubelet does. */
function watchReadiness(destinations: readonly Destination[]): void {
  for (const { id, direct, readyPath } of destinations) {
    if (readyPath === undefined || ready.has(id)) continue;
    ready.set(id, false);
    const ask = async () => {
      const answer = await fetch(`http://${direct.host}:${direct.port}${readyPath}`, {
        signal: AbortSignal.timeout(readinessStalenessMs),
      }).catch(() => undefined);
      await answer?.body?.cancel();
      ready.set(id, answer?.status === 200);
    };
    const again = async (): Promise<void> => {
      const startedAt = performance.now();
      await ask();
      const waitMs = Math.max(ready.get(id) ? 0 : 50, readinessStalenessMs - (performance.now() - startedAt));
      setTimeout(again, ready.get(id) ? waitMs : Math.min(waitMs, 100));
    };
    again();
  }
}
