import type { Reporter } from "./reporter.ts";

/** Every reporter, by name. A new one is a new file and a line here. */
export const reporters = {
  json: () => import("./json.ts"),
  junit: () => import("./junit.ts"),
  markdown: () => import("./markdown.ts"),
  terminal: () => import("./terminal.ts"),
} satisfies Record<string, () => Promise<{ default: Reporter }>>;
