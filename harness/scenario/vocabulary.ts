import { faults } from "../faults/catalog.ts";
import type { AnyFault } from "../faults/fault.ts";
import { slos } from "../slos/catalog.ts";
import type { Slo } from "../slos/slo.ts";

/** The faults that a scenario may ask for, by `kind`. */
export const faultsByKind: ReadonlyMap<string, AnyFault> = await loaded<AnyFault>(faults);

/** The SLOs that a scenario may set, by name. */
export const slosByName: ReadonlyMap<string, Slo> = await loaded<Slo>(slos);

async function loaded<T>(
  catalog: Record<string, () => Promise<{ default: T }>>,
): Promise<ReadonlyMap<string, T>> {
  const entries = Object.entries(catalog).map(
    async ([name, load]) => [name, (await load()).default] as const,
  );
  return new Map(await Promise.all(entries));
}
