import type { Reporter } from "./reporter.ts";

/** The whole verdict, for programs. */
const json: Reporter = {
  file: "verdict.json",
  render: (verdict) => `${JSON.stringify(verdict, undefined, 2)}\n`,
};
export default json;
