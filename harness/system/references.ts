import type { z } from "zod";
import { wordsInstead } from "../nearest-word.ts";
import { reference, type SystemDescription, systemSchema } from "./system.ts";

/** A system as its file gives it, with every name in it leading somewhere. */
export const systemFileSchema = systemSchema.superRefine(namesResolve, {
  // Also when something else is wrong, so that all mistakes are told at once.
  when: ({ value }) => typeof value === "object" && value !== null,
});

/** Names of the services and stores that a service's environment refers to: where its links lead. */
export function referredTo(env: Readonly<Record<string, string>>): readonly string[] {
  const names = Object.values(env).flatMap((text) => [...text.matchAll(reference)].map((match) => match[1] ?? ""));
  return [...new Set(names)];
}

/** May be called with a system that is wrong elsewhere: nothing in it is certain to have its type. */
function namesResolve(system: SystemDescription, context: z.core.$RefinementCtx<SystemDescription>): void {
  const services = Object.keys(system.services ?? {});
  const stores = Object.keys(system.stores ?? {});
  const refuse = (path: PropertyKey[], message: string) => context.addIssue({ code: "custom", path, message });
  if (typeof system.entry === "string" && !services.includes(system.entry)) {
    refuse(["entry"], `there is no service "${system.entry}": ${wordsInstead(system.entry, services)}`);
  }
  for (const name of stores.filter((store) => services.includes(store))) {
    refuse(["stores", name], `"${name}" is a service already: members are named by what they belong to`);
  }
  for (const [service, described] of Object.entries(system.services ?? {})) {
    for (const [variable, text] of Object.entries(described?.env ?? {})) {
      if (typeof text !== "string") continue;
      const path = ["services", service, "env", variable];
      for (const name of referredTo({ [variable]: text })) {
        if (services.includes(name) || stores.includes(name)) continue;
        refuse(path, `there is no "${name}" to refer to: ${wordsInstead(name, [...services, ...stores])}`);
      }
      if (text.replaceAll(reference, "").includes("{{")) {
        refuse(path, `"${text}" is no reference: write "{{ store.addresses }}" or "{{ service.url }}"`);
      }
    }
  }
}
