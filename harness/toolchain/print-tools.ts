/** Gets the tools and prints their paths as JSON on stdout; progress goes to stderr. */
import { provideTools } from "./tools.ts";

const stop = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const)
  process.once(name, () => stop.abort(new Error(`stopped by ${name}`)));

const { tools } = await provideTools((line) => console.error(line), stop.signal);
console.log(JSON.stringify(tools));
