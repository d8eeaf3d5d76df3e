import type { AnyFault } from "./fault.ts";

/** Every fault, by the `kind` that a scenario names. A new one is a new file and a line here. */
export const faults = {
  blackhole: () => import("./blackhole.ts"),
  flush: () => import("./flush.ts"),
  "kill-node": () => import("./kill-node.ts"),
  latency: () => import("./latency.ts"),
  nothing: () => import("./nothing.ts"),
  "pause-node": () => import("./pause-node.ts"),
  refuse: () => import("./refuse.ts"),
  reset: () => import("./reset.ts"),
} satisfies Record<string, () => Promise<{ default: AnyFault }>>;
