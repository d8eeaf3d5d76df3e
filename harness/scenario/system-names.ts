import { z } from "zod";
import { wordsInstead } from "../nearest-word.ts";
import { referredTo } from "../system/references.ts";
import { reference } from "../system/system.ts";
import type { Mistake } from "./mistakes.ts";

/** What is needed of a system to follow names. What is wrong in itself is left out, as its schema tells of it. */
const named = z.object({
  services: z.record(
    z.string(),
    z.object({ env: z.record(z.string(), z.unknown()).catch({}).default({}) }).catch({ env: {} }),
  ),
  stores: z.record(z.string(), z.unknown()).catch({}).default({}),
  entry: z.string().optional().catch(undefined),
});

/** Names in a system file that lead nowhere, whatever else is wrong in it. */
export function nameMistakes(input: unknown): readonly Mistake[] {
  const system = named.safeParse(input).data;
  if (system === undefined) return [];
  const services = Object.keys(system.services);
  const stores = Object.keys(system.stores);
  const mistakes: Mistake[] = [];
  if (system.entry !== undefined && !services.includes(system.entry)) {
    const message = `there is no service "${system.entry}": ${wordsInstead(system.entry, services)}`;
    mistakes.push({ path: ["entry"], of: "value", message });
  }
  for (const store of stores.filter((name) => services.includes(name))) {
    const message = `"${store}" is a service already, and members are named by what they belong to`;
    mistakes.push({ path: ["stores", store], of: "key", message });
  }
  for (const [service, { env }] of Object.entries(system.services)) {
    for (const [variable, text] of Object.entries(env)) {
      if (typeof text !== "string") continue;
      for (const message of referenceMistakes(text, [...services, ...stores])) {
        mistakes.push({ path: ["services", service, "env", variable], of: "value", message });
      }
    }
  }
  return mistakes;
}

function referenceMistakes(text: string, names: readonly string[]): readonly string[] {
  const unknown = referredTo({ text })
    .filter((name) => !names.includes(name))
    .map((name) => `there is no "${name}" to refer to: ${wordsInstead(name, names)}`);
  const leftOver = text.replaceAll(reference, "").includes("{{");
  return leftOver
    ? [...unknown, `"${text}" is no reference: write {{ store.addresses }} or {{ service.url }}`]
    : unknown;
}
