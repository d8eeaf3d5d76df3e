import { extname, join } from "node:path";

/**
 * Files that are started as processes of their own. They are found here and nowhere else: in the repository
 * they end in `.ts`, in the published package in `.js`, and no compiler rewrites a path in a string.
 */
export const processEntries = {
  router: join(import.meta.dirname, `substrates/local/router${extname(import.meta.filename)}`),
} as const;
