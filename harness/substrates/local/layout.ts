import { referredTo } from "../../system/references.ts";
import { reference, type Service, type Store, type System } from "../../system/system.ts";
import { freePorts, type Network } from "./addresses.ts";
import type { ProxiedLink } from "./links.ts";
import { httpQuestion, redisQuestion } from "./probe.ts";
import type { RedisClusterStore, RedisNode } from "./redis-cluster.ts";
import type { Listener, Source, Target } from "./router-protocol.ts";

/** Who listens where, and which way every connection goes. Nothing is started yet. */
export interface Layout {
  readonly entry: Target;
  readonly toxiproxyApi: Target;
  readonly members: readonly LaidMember[];
  readonly links: readonly LaidLink[];
  readonly proxies: readonly { readonly name: string; readonly listen: string; readonly upstream: string }[];
  readonly sources: readonly Source[];
  readonly listeners: readonly Listener[];
  /** By replica: its environment with every reference filled in. */
  readonly env: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface LaidLink extends ProxiedLink {
  /** How a probe takes the link's own way: the address it dials from, and where to. */
  readonly probe: { readonly from: string; readonly to: Target };
}

export type LaidMember = {
  readonly id: string;
  readonly of: string;
  readonly direct: Target;
  /** What a probe asks; undefined where no question is known. */
  readonly question: string | undefined;
} & (
  | { readonly kind: "replica"; readonly service: Service }
  | { readonly kind: "node"; readonly store: RedisClusterStore; readonly node: RedisNode }
  | { readonly kind: "outside" }
);

export async function layOut(system: System, network: Network): Promise<Layout> {
  const [entryPort = 0] = await freePorts(network.entry, 1);
  const [dataPort = 0, busPort = 0] = await freePorts(network.node(0), 2);

  const services = Object.entries(system.services);
  const stores = Object.entries(system.stores);
  const names = [...services, ...stores].map(([name]) => name);
  const doorPorts = await freePorts(network.door(0), names.length);

  const members: LaidMember[] = [];
  let nodeIndex = 0;
  for (const [name, store] of stores) {
    if (store.kind === "tcp") members.push(outside(name, store));
    else {
      for (let index = 0; index < store.masters * (1 + store.replicasPerMaster); index += 1, nodeIndex += 1) {
        const id = `${name}-${index}`;
        const direct = { host: network.node(nodeIndex), port: dataPort };
        const announced = { host: network.announced(nodeIndex), port: dataPort, busPort };
        members.push({
          kind: "node",
          id,
          of: name,
          direct,
          question: redisQuestion,
          store,
          node: { id, direct, announced },
        });
      }
    }
  }
  const ports = await freePorts(
    "127.0.0.1",
    services.reduce((sum, [, { replicas }]) => sum + replicas, 0),
  );
  for (const [name, service] of services) {
    for (let index = 0; index < service.replicas; index += 1) {
      members.push({
        kind: "replica",
        id: `${name}-${index}`,
        of: name,
        direct: { host: "127.0.0.1", port: ports.shift() ?? 0 },
        question: httpQuestion(service.ready.path),
        service,
      });
    }
  }
  const connections = pairs(members);
  const betweenNodes = connections.filter(({ from, to }) => from.kind === "node" && to.kind === "node");
  const [apiPort = 0, ...proxyPorts] = await freePorts(
    network.toxiproxy,
    1 + connections.length + betweenNodes.length,
  );
  const proxies: { name: string; listen: string; upstream: string }[] = [];
  const proxyTargets = new Map<string, Target>();
  const addProxy = (name: string, upstream: Target) => {
    const target = { host: network.toxiproxy, port: proxyPorts[proxies.length] ?? 0 };
    proxies.push({
      name,
      listen: `${target.host}:${target.port}`,
      upstream: `${upstream.host}:${upstream.port}`,
    });
    proxyTargets.set(name, target);
    return name;
  };
  /** Where a replica dials what is no cluster: each replica has addresses of its own, so that it is known who comes. */
  const doorOf = (source: LaidMember, name: string): Target => ({
    host: network.door(members.indexOf(source)),
    port: doorPorts[names.indexOf(name)] ?? 0,
  });
  const probeAddress = (member: LaidMember) => network.probe(members.indexOf(member));
  const links: LaidLink[] = connections.map(({ from, to }) => {
    const id = `${from.id}>${to.id}`;
    const through = [addProxy(id, to.direct)];
    if (from.kind === "node" && to.kind === "node")
      through.push(addProxy(`${id}/bus`, { host: to.direct.host, port: busPort }));
    // A node has one address for all who come, so the probe's own address says for whom it stands. A door is
    // one replica's, and leads to any replica of the other side: there the address says to which.
    const probe =
      to.kind === "node"
        ? { from: probeAddress(from), to: to.node.announced }
        : { from: probeAddress(to), to: doorOf(from, to.of) };
    return { id, from: from.id, to: to.id, proxies: through, probe };
  });

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
      .flatMap(({ id, direct, node: { announced } }) => [
        {
          name: id,
          address: announced.host,
          port: dataPort,
          destinations: [{ id, direct, proxies: proxiesTo(id) }],
        },
        {
          name: `${id}/bus`,
          address: announced.host,
          port: busPort,
          destinations: [
            { id, direct: { host: direct.host, port: busPort }, proxies: proxiesTo(id, "/bus") },
          ],
        },
      ]),
    ...members
      .filter((member) => member.kind === "replica")
      .flatMap((source) =>
        referredTo(source.service.env).flatMap((name) => {
          const destinations = members.filter((member) => member.of === name && member.kind !== "node");
          if (destinations.length === 0) return [];
          const { host, port } = doorOf(source, name);
          return [
            {
              name: `${source.id}>${name}`,
              source: source.id,
              address: host,
              port,
              destinations: destinations.map((member) => ({
                id: member.id,
                direct: member.direct,
                proxies: proxiesTo(member.id),
                probeAddress: probeAddress(member),
                ...readyPath(member),
              })),
            },
          ];
        }),
      ),
  ];

  return {
    entry: { host: network.entry, port: entryPort },
    toxiproxyApi: { host: network.toxiproxy, port: apiPort },
    members,
    links,
    proxies,
    listeners,
    sources: members.map((member) => ({
      id: member.id,
      probeAddress: probeAddress(member),
      ...(member.kind === "node" ? { address: member.direct.host } : {}),
    })),
    env: Object.fromEntries(
      members.flatMap((member) =>
        member.kind === "replica"
          ? [[member.id, filledIn(member.service.env, members, (name) => doorOf(member, name))]]
          : [],
      ),
    ),
  };
}

/** Replicas and nodes, and one for each dependency outside. */
export function countMembers(system: System): number {
  const ofStores = Object.values(system.stores).map((store) =>
    store.kind === "tcp" ? 1 : store.masters * (1 + store.replicasPerMaster),
  );
  const ofServices = Object.values(system.services).map(({ replicas }) => replicas);
  return [...ofStores, ...ofServices].reduce((sum, count) => sum + count, 0);
}

function readyPath(member: LaidMember): { readyPath?: string } {
  return member.kind === "replica" ? { readyPath: member.service.ready.path } : {};
}

function outside(name: string, store: Extract<Store, { kind: "tcp" }>): LaidMember {
  const at = store.address.lastIndexOf(":");
  return {
    kind: "outside",
    id: `${name}-0`,
    of: name,
    direct: { host: store.address.slice(0, at), port: Number(store.address.slice(at + 1)) },
    question: store.probe,
  };
}

/** Who talks to whom: a service to what its environment refers to, and the nodes of a cluster among themselves. */
function pairs(members: readonly LaidMember[]): { from: LaidMember; to: LaidMember }[] {
  return members.flatMap((from) => {
    const targets =
      from.kind === "replica" ? referredTo(from.service.env) : from.kind === "node" ? [from.of] : [];
    return members.filter((to) => to !== from && targets.includes(to.of)).map((to) => ({ from, to }));
  });
}

function filledIn(
  env: Readonly<Record<string, string>>,
  members: readonly LaidMember[],
  doorTo: (name: string) => Target,
): Record<string, string> {
  const fill = (_: string, name: string, what: string) => {
    const nodes = members.flatMap((member) =>
      member.kind === "node" && member.of === name ? [member.node.announced] : [],
    );
    const targets = nodes.length > 0 ? nodes : [doorTo(name)];
    const addresses = targets.map(({ host, port }) => `${host}:${port}`);
    return what === "url" ? `http://${addresses[0]}` : addresses.join(",");
  };
  return Object.fromEntries(Object.entries(env).map(([key, value]) => [key, value.replace(reference, fill)]));
}
