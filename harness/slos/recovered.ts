import { z } from "zod";
import { failed, type Sample } from "../journal/event.ts";
import { duration } from "../system/units.ts";
import { defineSlo, type Judgement, type ObservedRun } from "./slo.ts";
import { formatDuration, formatShare } from "./statistics/format.ts";
import {
  firstWindow,
  type Shares,
  samplesPerWindow,
  shares,
  type WindowCount,
} from "./statistics/sliding-share.ts";

const relativePattern = /^(\d+(?:\.\d+)?)%( of baseline)?$/;
const target = z
  .string()
  .regex(relativePattern, "a share is 95%, or 90% of baseline")
  .transform((text) => {
    const [, percent, ofBaseline] = relativePattern.exec(text) ?? [];
    return { share: Number(percent) / 100, ofBaseline: ofBaseline !== undefined };
  })
  .refine(
    ({ share, ofBaseline }) => share > 0 && (ofBaseline || share <= 1),
    "a share is more than 0% and at most 100%",
  );

const measures = {
  availability: { words: "availability", good: (sample: Sample) => !failed(sample) },
  cacheHitShare: {
    words: "cache hit share",
    good: (sample: Sample) => sample.cache === "hit" && !failed(sample),
  },
} as const;

const limitSchema = z
  .strictObject({
    cacheHitShare: target
      .optional()
      .describe("share of all requests that the cache answered: 90% of baseline, or 80%"),
    availability: target
      .optional()
      .describe("share of all requests answered with success: 99%, or 99% of baseline"),
    heldFor: duration.describe("the share counts over a window of this length"),
    within: duration.describe("the window begins no later than this"),
    after: z
      .enum(["fault", "heal"])
      .describe("counted from the first fault being proven, or from the last heal being requested"),
  })
  .refine(
    ({ cacheHitShare, availability }) => (cacheHitShare === undefined) !== (availability === undefined),
    "exactly one of cacheHitShare and availability is needed",
  );
type Limit = z.output<typeof limitSchema>;

/**
 * A share is back: the first window of `heldFor`, in steps of 100 ms, that meets the limit begins no later
 * than `within`. Failed requests and those past the cache are in the denominator.
 */
export default defineSlo({
  limit: limitSchema,
  withWarmup: false,
  needsPhases: ["fault"],
  needs: ({ cacheHitShare }) => (cacheHitShare === undefined ? [] : ["cache"]),
  describe: (limit) => {
    const { words, wanted } = asked(limit);
    const least = `${formatShare(wanted.share)}${wanted.ofBaseline ? " of baseline" : ""}`;
    return `${words} ≥ ${least} for ${formatDuration(limit.heldFor)}, within ${formatDuration(limit.within)} of the ${limit.after}`;
  },
  judge({ run }, limit) {
    const fromMs = startOf(run, limit.after);
    if (fromMs === undefined) {
      return inconclusive("FAULT_NOT_PROVEN", `no ${limit.after} was proven to count from`, 0);
    }
    const { words, good, wanted } = asked(limit);
    const share = shares(run, good);
    const n = share(fromMs, fromMs + limit.within + limit.heldFor).n;
    const baseline = wanted.ofBaseline ? baselineOf(run, share) : { least: 1, most: 1, code: undefined };
    if (baseline.code !== undefined) {
      return inconclusive(
        baseline.code,
        `the baseline's ${words} cannot be compared with: ${baseline.because}`,
        n,
      );
    }
    const find = (atLeast: number, missingAre: "good" | "bad") =>
      firstWindow({
        run,
        share,
        fromMs,
        heldForMs: limit.heldFor,
        withinMs: limit.within,
        atLeast,
        missingAre,
      });
    // The most that can speak against the system, and the least.
    const strict = find(wanted.share * baseline.most, "bad");
    const lenient = find(wanted.share * baseline.least, "good");
    const limitText = `limit ${formatShare(wanted.share * baseline.most)} within ${formatDuration(limit.within)}`;
    if (strict.afterMs !== undefined && strict.afterMs <= limit.within) {
      const because = `${words} was back after ${formatDuration(strict.afterMs)} (${n} requests), ${limitText}`;
      return { outcome: "pass", because, value: formatDuration(strict.afterMs), n };
    }
    const late =
      strict.afterMs === undefined ? "was not back" : `was back only after ${formatDuration(strict.afterMs)}`;
    const because = `${words} ${late} (${n} requests, best ${formatShare(strict.best)}), ${limitText}`;
    const value = strict.afterMs === undefined ? "not back" : formatDuration(strict.afterMs);
    const inTime = lenient.afterMs !== undefined && lenient.afterMs <= limit.within;
    if (inTime) {
      return {
        outcome: "inconclusive",
        code: "SAMPLES_MISSING",
        because: `${because}; missing samples decide`,
        value,
        n,
      };
    }
    if (lenient.unjudged > 0) {
      const few = `; ${lenient.unjudged} windows had fewer than ${samplesPerWindow} requests or were not observed to their end`;
      return { outcome: "inconclusive", code: "TOO_FEW_SAMPLES", because: because + few, value, n };
    }
    return { outcome: "fail", code: "LIMIT_MISSED", because, value, n };
  },
});

function asked(limit: Limit) {
  const wanted = limit.cacheHitShare ?? limit.availability;
  if (wanted === undefined) throw new TypeError("A recovery names what is to be back");
  return { ...measures[limit.cacheHitShare === undefined ? "availability" : "cacheHitShare"], wanted };
}

function inconclusive(code: string, because: string, n: number): Judgement {
  return { outcome: "inconclusive", code, because, value: "-", n };
}

function startOf(run: ObservedRun, after: Limit["after"]): number | undefined {
  const times = run.events
    .filter(
      (event) => event.type === "fault" && event.state === (after === "fault" ? "proven" : "heal-requested"),
    )
    .map(({ atMs }) => atMs);
  return after === "fault" ? times.at(0) : times.at(-1);
}

/** The baseline's share with all missing requests bad, and with all good. */
function baselineOf(run: ObservedRun, share: Shares) {
  const parts = (run.windows.baseline ?? []).map(({ fromMs, untilMs }) => share(fromMs, untilMs));
  const sum = (of: keyof WindowCount) => parts.reduce((total, part) => total + part[of], 0);
  const [n, good, missing] = [sum("n"), sum("good"), sum("missing")];
  const [least, most] = [good / (n + missing), (good + missing) / (n + missing)];
  if (n < samplesPerWindow) {
    return {
      least,
      most,
      code: "TOO_FEW_SAMPLES",
      because: `it has ${n} requests, ${samplesPerWindow} are needed`,
    };
  }
  if (good === 0) return { least, most, code: "BASELINE_SICK", because: `it is 0% of ${n} requests` };
  return { least, most, code: undefined };
}
