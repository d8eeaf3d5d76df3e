import { wordsInstead } from "../nearest-word.ts";
import type { Choice, Target } from "../scenario/target.ts";
import { referredTo } from "../system/references.ts";
import type { Store, System } from "../system/system.ts";
import type { PlannedTarget } from "./plan.ts";
import { drawRanks, type Random } from "./random.ts";
import type { Refuse } from "./refusals.ts";

type Role = "master" | "replica";

/** Draws what a fault hits. Undefined after a refusal. */
export function planTarget(
  target: Target,
  system: System,
  random: Random,
  refuse: Refuse,
): PlannedTarget | undefined {
  switch (target.hits) {
    case "nothing":
      return target;
    case "member": {
      if (!memberGroupExists(target.of, system, refuse)) return undefined;
      const { name } = target.of;
      const matching = processes(name, target.role, system);
      const ranks = pickRanks(target.pick, matching, describe(name, target.role), random, refuse);
      return ranks && { hits: "member", of: name, ...(target.role && { role: target.role }), ranks };
    }
    case "link": {
      const { from, to, role } = target;
      const links = linksOf(system);
      if (!links.some((link) => link.from === from && link.to === to)) {
        const names = links.map((link) => `${link.from} > ${link.to}`);
        refuse(
          "UNKNOWN_LINK",
          `there is no link "${from} > ${to}": ${wordsInstead(`${from} > ${to}`, names)}`,
        );
        return undefined;
      }
      const store = storeNamed(to, system);
      if (store?.kind === "tcp" && store.probe === undefined) {
        refuse(
          "NOT_PROVABLE",
          `a fault on "${from} > ${to}" could not be proven: nothing is known that "${to}" answers to; ` +
            "give it the key `probe` in the system file",
        );
        return undefined;
      }
      const ranks = pickRanks(target.pick, ends(to, role, system), describe(to, role), random, refuse);
      return ranks && { hits: "link", from, to, ...(role && { role }), ranks };
    }
  }
}

function memberGroupExists(
  { kind, name }: { readonly kind: "store" | "service"; readonly name: string },
  system: System,
  refuse: Refuse,
): boolean {
  const ofKind = kind === "store" ? system.stores : system.services;
  const ofOther = kind === "store" ? system.services : system.stores;
  if (Object.hasOwn(ofKind, name)) return true;
  const instead = Object.hasOwn(ofOther, name)
    ? `"${name}" is a ${kind === "store" ? "service" : "store"}`
    : wordsInstead(name, Object.keys(ofKind));
  refuse(kind === "store" ? "UNKNOWN_STORE" : "UNKNOWN_SERVICE", `there is no ${kind} "${name}": ${instead}`);
  return false;
}

interface LinkGroup {
  readonly from: string;
  readonly to: string;
}

/** Links lead from a service to what its environment refers to, and between the nodes of a cluster. */
function linksOf(system: System): readonly LinkGroup[] {
  const ofServices = Object.entries(system.services).flatMap(([from, { env }]) =>
    referredTo(env).map((to) => ({ from, to })),
  );
  const ofStores = Object.entries(system.stores)
    .filter(([, store]) => store.kind === "redis-cluster")
    .map(([name]) => ({ from: name, to: name }));
  return [...ofServices, ...ofStores];
}

/** How many processes of a service or store there will be to choose from. */
function processes(name: string, role: Role | undefined, system: System): number {
  const store = storeNamed(name, system);
  return store === undefined ? replicas(name, role, system) : nodes(store, role);
}

/** How many places links to a service or store lead to. */
function ends(name: string, role: Role | undefined, system: System): number {
  const store = storeNamed(name, system);
  return store?.kind === "tcp" && role === undefined ? 1 : processes(name, role, system);
}

function storeNamed(name: string, system: System): Store | undefined {
  return Object.hasOwn(system.stores, name) ? system.stores[name] : undefined;
}

function replicas(service: string, role: Role | undefined, system: System): number {
  return role === undefined ? (system.services[service]?.replicas ?? 0) : 0;
}

function nodes(store: Store, role: Role | undefined): number {
  // Of a plain TCP dependency nothing is known but its address: it can be cut off and slowed, not killed.
  if (store.kind === "tcp") return 0;
  const { masters, replicasPerMaster } = store;
  if (role === "master") return masters;
  return role === "replica" ? masters * replicasPerMaster : masters * (1 + replicasPerMaster);
}

function pickRanks(
  pick: Choice,
  matching: number,
  what: string,
  random: Random,
  refuse: Refuse,
): readonly number[] | undefined {
  const empty = (why: string) => {
    refuse("EMPTY_TARGET", `cannot hit ${describeChoice(pick)} of ${what}: ${why}`);
    return undefined;
  };
  if (matching === 0) return empty("there is none");
  if (typeof pick !== "string") {
    const beyond = pick.filter((rank) => rank >= matching);
    if (beyond.length > 0)
      return empty(`there are ${matching}, counted from 0, and so no ${beyond.join(", ")}`);
    return pick.toSorted((a, b) => a - b);
  }
  const count = picked[pick](matching);
  return count === 0 ? empty(`that comes to none of ${matching}`) : drawRanks(count, matching, random);
}

/** How many that is of so many. */
const picked = {
  one: () => 1,
  minority: (matching: number) => Math.ceil(matching / 2) - 1,
  majority: (matching: number) => Math.floor(matching / 2) + 1,
  all: (matching: number) => matching,
} as const;

function describe(name: string, role: Role | undefined): string {
  return role === undefined ? `"${name}"` : `"${name}" with role "${role}"`;
}

function describeChoice(pick: Choice): string {
  return typeof pick === "string" ? `"${pick}"` : `[${pick.join(", ")}]`;
}
