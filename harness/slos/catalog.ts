import type { Slo } from "./slo.ts";

/**
 * Every SLO, by the key that a scenario names. A new one is a new file and a line here.
 *
 * A limit is parsed with the SLO's own schema before it is handed to the SLO.
 */
export const slos = {
  admitted: () => import("./admitted.ts"),
  answers: () => import("./answers.ts"),
  availability: () => import("./availability.ts"),
  latency: () => import("./latency.ts"),
  recovered: () => import("./recovered.ts"),
  replied: () => import("./replied.ts"),
} satisfies Record<string, () => Promise<{ default: AnySlo }>>;

/** An SLO whose limit is known only at run time. */
export type AnySlo = Slo;
