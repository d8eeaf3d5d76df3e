import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { BreakwaterError, reasonOf } from "../../errors.ts";
import { boundAddresses } from "./proc.ts";

/** One /24 of 127.0.0.0/8 for one run; who has which last octet stands here. */
export interface Network {
  readonly prefix: string;
  readonly entry: string;
  readonly toxiproxy: string;
  /** Where node `index` listens and dials out from. */
  node(index: number): string;
  /** What node `index` is announced as: the router listens there. */
  announced(index: number): string;
  /** Where the router listens for what member `index` dials and is no cluster. */
  door(index: number): string;
  /** The address that a probe in the place of member `index` dials from. */
  probe(index: number): string;
}

/** Members of one kind that fit into a run's network. */
export const maxMembers = 48;

/** Takes a /24 that no socket of this host uses. */
export async function takeNetwork(): Promise<Network> {
  const used = new Set((await boundAddresses()).map((address) => address.slice(0, address.lastIndexOf("."))));
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const prefix = `127.${randomInt(1, 255)}.${randomInt(0, 256)}`;
    if (!used.has(prefix)) return network(prefix);
  }
  throw new BreakwaterError(
    "HARNESS_ERROR",
    "NO_FREE_NETWORK",
    "Cannot take a network of 127.0.0.0/8: 100 tried, all in use",
    {
      hint: "`npm run chaos -- clean` stops what earlier runs have left",
    },
  );
}

function network(prefix: string): Network {
  return {
    prefix,
    entry: `${prefix}.1`,
    toxiproxy: `${prefix}.2`,
    node: (index) => `${prefix}.${10 + index}`,
    announced: (index) => `${prefix}.${60 + index}`,
    door: (index) => `${prefix}.${110 + index}`,
    probe: (index) => `${prefix}.${160 + index}`,
  };
}

/** Below the range that the kernel takes client ports from, so that no connection takes one between test and use. */
const lowestPort = 10_000;
const highestPort = 32_000;

/**
 * Ports that are free at this address now. All addresses of a run's network are its own, so what is free at
 * one of them is free at all.
 */
export async function freePorts(address: string, count: number): Promise<number[]> {
  const held: Server[] = [];
  try {
    for (let tries = 0; held.length < count; tries += 1) {
      const server = createServer();
      server.listen(randomInt(lowestPort, highestPort), address);
      try {
        await once(server, "listening");
        held.push(server);
      } catch (cause) {
        if (tries < 100 + count) continue;
        throw new BreakwaterError(
          "HARNESS_ERROR",
          "ADDRESS_NOT_AVAILABLE",
          `Cannot listen on ${address}: ${reasonOf(cause)}`,
          { cause },
        );
      }
    }
    return held.map((server) => {
      const bound = server.address();
      return bound !== null && typeof bound === "object" ? bound.port : 0;
    });
  } finally {
    await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}

/** Whether this host lets a program bind any address of 127.0.0.0/8, as Linux does and macOS does not. */
export async function wholeLoopback(): Promise<boolean> {
  return await freePorts("127.254.254.254", 1).then(
    () => true,
    () => false,
  );
}
