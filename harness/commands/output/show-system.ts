import { once } from "node:events";
import type { Deployment } from "../../substrates/substrate.ts";

/**
 * Prints the addresses of a running system, and waits while someone looks at it.
 * @throws BreakwaterError when a part of it dies by itself
 */
export async function showUntilStopped(
  deployment: Deployment,
  stop: AbortSignal,
  print: (line: string) => void,
): Promise<void> {
  print(systemText(deployment));
  print("\nThe system is up. Ctrl-C stops it.");
  if (stop.aborted) return;
  await Promise.race([once(stop, "abort"), deployment.broken]);
}

function systemText({ entry, members, links, addresses }: Deployment): string {
  const byOwner = Map.groupBy(members, ({ of }) => of);
  const owners = [...byOwner].map(([of, some]) => [of, some.map(({ id }) => id).join(", ")] as const);
  const rows = [
    ["entry", entry.href.replace(/\/$/, "")] as const,
    ...owners,
    ["links", String(links.length)] as const,
  ];
  const all = [...rows, ...Object.entries(addresses)];
  const width = Math.max(...all.map(([name]) => name.length));
  return all.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join("\n");
}
