import { pathToFileURL } from "node:url";
import type { LoadSpec } from "./load-spec.ts";

/** Of one `http.batch`, sent at the same time. k6's own bounds, 20 in all and 6 to one host, would make a queue of a flood. */
const mostAtOnce = 1000;

/** Beyond the request's own timeout, so that the script can still report what it gave up. */
const graceMs = 500;

/**
 * The k6 script that runs the user's own under our options, whatever options it exports itself.
 *
 * All VUs are made before the start: k6 makes unplanned ones one after another, and drops arrivals meanwhile
 * (500/s against a server that stood still for 2 s: 495 of about 1000 dropped, and none with all of them made).
 * No system tags: each would be a column of every row, and none is read.
 */
export function wrapperScript(load: LoadSpec): string {
  const script = JSON.stringify(pathToFileURL(load.script).href);
  const options = {
    systemTags: [],
    discardResponseBodies: false,
    batch: mostAtOnce,
    batchPerHost: mostAtOnce,
    scenarios: {
      load: {
        executor: "constant-arrival-rate",
        ...integerRate(load.ratePerS),
        duration: `${load.durationMs}ms`,
        preAllocatedVUs: load.vus,
        maxVUs: load.vus,
        gracefulStop: `${load.timeoutMs + graceMs}ms`,
      },
    },
  };
  return [
    `export * from ${script};`,
    `export { default } from ${script};`,
    `export const options = ${JSON.stringify(options, undefined, 2)};`,
    "",
  ].join("\n");
}

/** k6 takes whole arrivals per unit of time only: 0.5/s is 30 in 60 s. */
export function integerRate(ratePerS: number): { readonly rate: number; readonly timeUnit: string } {
  const unitS = [1, 60].find((seconds) => isWhole(ratePerS * seconds)) ?? 1_000_000;
  return { rate: Math.max(1, Math.round(ratePerS * unitS)), timeUnit: `${unitS}s` };
}

function isWhole(value: number): boolean {
  return Math.abs(value - Math.round(value)) < 1e-9 && Math.round(value) > 0;
}
