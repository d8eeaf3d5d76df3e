import type { Substrate } from "./substrate.ts";

/** Every substrate, by name. A new one is a new folder and a line here. */
export const substrates = {
  local: () => import("./local/local.ts"),
} satisfies Record<string, () => Promise<{ default: Substrate }>>;

export type SubstrateName = keyof typeof substrates;
