import { BreakwaterError } from "../../errors.ts";
import { reference, type Service, type Store, type System } from "../../system/system.ts";
import { freePorts, maxMembers, type Network } from "./addresses.ts";
import type { ProxiedLink } from "./links.ts";
import { httpQuestion, redisQuestion } from "./probe.ts";
import type { RedisClusterStore, RedisNode } from "./redis-cluster.ts";
import type { Listener, Source, Target } from "./router-protocol.ts";

/** Who listens where, and which way every connection goes. Nothing is started yet. */
export interface Layout {
  readonly entry: Target;
  readonly toxiproxyApi: Target;
  readonly members: readonly LaidMember[];
  readonly links: readonly ProxiedLink[];
  readonly proxies: readonly { readonly name: string; readonly listen: string; readonly upstream: string }[];
  readonly sources: readonly Source[];
  readonly listeners: readonly Listener[];
  /** By service: its environment with every reference filled in. */
  readonly env: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export type LaidMember = {
  readonly id: string;
  readonly of: string;
  readonly direct: Target;
  /** Where others dial it, by way of the router. */
  readonly announced: Target;
  /** What a probe asks; undefined where no question is known. */
  readonly question: string | undefined;
} & (
  | { readonly kind: "replica"; readonly service: Service }
  | { readonly kind: "node"; readonly store: RedisClusterStore; readonly node: RedisNode }
  | { readonly kind: "outside" }
);

/** Only 6 out of the 66 proxies of a small system show why: one port each, all at one address of our own. */
const firstProxyPort = 20_000;

export async function layOut(system: System, network: Network): Promise<Layout> {
  const [entryPort = 0] = await freePorts(network.entry, 1);
  const [apiPort = 0] = await freePorts(network.toxiproxy, 1);
  const [dataPort = 0, busPort = 0] = await freePorts(network.node(0), 2);
  const [dependencyPort = 0] = await freePorts(network.dependency(0), 1);

  const services = Object.entries(system.services);
  const stores = Object.entries(system.stores);
  const dependencies = [...services, ...stores].map(([name]) => name);
  const dependencyTarget = (name: string): Target => ({
    host: network.dependency(dependencies.indexOf(name)),
    port: dependencyPort,
  });

  const members: LaidMember[] = [];
  let nodeIndex = 0;
  for (const [name, store] of stores) {
    if (store.kind === "tcp") members.push(outside(name, store, dependencyTarget(name)));
    else {
      for (let index = 0; index < store.masters * (1 + store.replicasPerMaster); index += 1, nodeIndex += 1) {
        const id = `${name}-${index}`;
        const direct = { host: network.node(nodeIndex), port: dataPort };
        const announced = { host: network.announced(nodeIndex), port: dataPort };
        members.push({ kind: "node", id, of: name, direct, announced, question: redisQuestion, store, node: { id, direct, announced: { ...announced, busPort } } });
      }
    }
  }
  const ports = await freePorts("127.0.0.1", services.reduce((sum, [, { replicas }]) => sum + replicas, 0));
  for (const [name, service] of services) {
    for (let index = 0; index < service.replicas; index += 1) {
      members.push({
        kind: "replica",
        id: `${name}-${index}`,
        of: name,
        direct: { host: "127.0.0.1", port: ports.shift() ?? 0 },
        announced: dependencyTarget(name),
        question: httpQuestion(service.ready.path),
        service,
      });
    }
  }
  if (members.length > maxMembers) {
    throw new BreakwaterError("BAD_INPUT", "SYSTEM_TOO_LARGE", `Cannot lay out "${system.name}": it has ${members.length} members, and one host takes ${maxMembers}`);
  }

  const proxies: { name: string; listen: string; upstream: string }[] = [];
  const proxyTargets = new Map<string, Target>();
  const addProxy = (name: string, upstream: Target) => {
    const target = { host: network.toxiproxy, port: firstProxyPort + proxies.length };
    proxies.push({ name, listen: `${target.host}:${target.port}`, upstream: `${upstream.host}:${upstream.port}` });
    proxyTargets.set(name, target);
    return name;
  };
  const links: ProxiedLink[] = [];
  for (const { from, to } of pairs(system, members)) {
    const id = `${from.id}>${to.id}`;
    const through = [addProxy(id, to.direct)];
    if (from.kind === "node" && to.kind === "node") through.push(addProxy(`${id}/bus`, { host: to.direct.host, port: busPort }));
    links.push({ id, from: from.id, to: to.id, proxies: through });
  }

  const proxiesTo = (to: string, suffix = "") =>
    Object.fromEntries(
      links.flatMap((link) => {
        const target = link.to === to ? proxyTargets.get(`${link.id}${suffix}`) : undefined;
        return target === undefined ? [] : [[link.from, target]];
      }),
    );
  const listeners: Listener[] = [
    {
      name: "entry",
      address: network.entry,
      port: entryPort,
      destinations: members
        .filter((member) => member.of === system.entry)
        .map((member) => ({ id: member.id, direct: member.direct, ...readyPath(member) })),
    },
    ...members
      .filter((member) => member.kind === "node")
      .flatMap(({ id, direct, announced }) => [
        { name: id, address: announced.host, port: dataPort, destinations: [{ id, direct, proxies: proxiesTo(id) }] },
        {
          name: `${id}/bus`,
          address: announced.host,
          port: busPort,
          destinations: [{ id, direct: { host: direct.host, port: busPort }, proxies: proxiesTo(id, "/bus") }],
        },
      ]),
    ...dependencies
      .filter((name) => links.some(({ to }) => members.some((member) => member.id === to && member.of === name && member.kind !== "node")))
      .map((name) => ({
        name,
        address: dependencyTarget(name).host,
        port: dependencyPort,
        destinations: members
          .filter((member) => member.of === name)
          .map((member) => ({ id: member.id, direct: member.direct, proxies: proxiesTo(member.id), ...readyPath(member) })),
      })),
  ];

  return {
    entry: { host: network.entry, port: entryPort },
    toxiproxyApi: { host: network.toxiproxy, port: apiPort },
    members,
    links,
    proxies,
    listeners,
    sources: members.map((member, index) => ({
      id: member.id,
      probeAddress: network.probe(index),
      ...(member.kind === "node" ? { address: member.direct.host } : {}),
    })),
    env: Object.fromEntries(services.map(([name, service]) => [name, filledIn(service.env, members)])),
  };
}

function readyPath(member: LaidMember): { readyPath?: string } {
  return member.kind === "replica" ? { readyPath: member.service.ready.path } : {};
}

function outside(name: string, store: Extract<Store, { kind: "tcp" }>, announced: Target): LaidMember {
  const at = store.address.lastIndexOf(":");
  return {
    kind: "outside",
    id: `${name}-0`,
    of: name,
    direct: { host: store.address.slice(0, at), port: Number(store.address.slice(at + 1)) },
    announced,
    question: store.probe,
  };
}

/** Who talks to whom: a service to what its environment refers to, and the nodes of a cluster among themselves. */
function pairs(system: System, members: readonly LaidMember[]): { from: LaidMember; to: LaidMember }[] {
  return members.flatMap((from) => {
    const targets =
      from.kind === "replica" ? referredTo(system, from.of) : from.kind === "node" ? new Set([from.of]) : new Set<string>();
    return members.filter((to) => to !== from && targets.has(to.of)).map((to) => ({ from, to }));
  });
}

/** The services and stores that a service's environment refers to: those that it has links to. */
function referredTo(system: System, service: string): Set<string> {
  const values = Object.values(system.services[service]?.env ?? {});
  return new Set(values.flatMap((value) => [...value.matchAll(reference)].map(([, name = ""]) => name)));
}

function filledIn(env: Readonly<Record<string, string>>, members: readonly LaidMember[]): Record<string, string> {
  const fill = (_: string, name: string, what: string) => {
    const announced = members.filter((member) => member.of === name).map((member) => `${member.announced.host}:${member.announced.port}`);
    return what === "url" ? `http://${announced[0]}` : announced.join(",");
  };
  return Object.fromEntries(Object.entries(env).map(([key, value]) => [key, value.replace(reference, fill)]));
}
