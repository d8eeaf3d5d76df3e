import { z } from "zod";
import { failed, type Sample } from "../journal/event.ts";
import { defineSlo } from "./slo.ts";
import { doubt, judgeShare } from "./statistics/share.ts";

const wrongKinds = ["wrong", "foreign", "stale"] as const satisfies readonly Sample["answer"][];

/**
 * No answer was wrong, another's, or too old.
 *
 * Requests that failed are availability's matter. One that succeeded and was not judged is missing. Wrong answers in the warm-up count too: a cold
 * cache excuses slowness, not falsehood.
 */
export default defineSlo({
  limit: z.literal("correct").describe("no answer is wrong, another tenant's, or too old"),
  withWarmup: true,
  needs: () => ["answer"],
  describe: () => "all correct",
  judge({ samples, missing }) {
    const answers = samples.filter((sample) => sample.answer !== "");
    const n = answers.length;
    const found = wrongKinds
      .map((kind) => ({ kind, count: answers.filter(({ answer }) => answer === kind).length }))
      .filter(({ count }) => count > 0);
    const bad = found.reduce((sum, { count }) => sum + count, 0);
    // A success that was not judged may have been wrong.
    const unjudged = samples.filter((sample) => sample.answer === "" && !failed(sample)).length;
    const count = { n, bad, missing: missing + unjudged };
    // As a share of 100%, it fails with the first wrong answer, however few there are.
    const decided = judgeShare(count, 1);
    if (n === 0) return { ...decided, because: "no answers were observed", value: "-", n };
    const kinds = found.map(({ kind, count }) => `${count} ${kind}`).join(", ");
    const because = [
      bad === 0 ? `all ${n} answers were correct` : `${bad} of ${n} answers were not correct (${kinds})`,
      unjudged === 0 ? "" : `; the load script did not judge ${unjudged} more, which count as missing`,
      doubt(decided, count, 1),
    ].join("");
    return { ...decided, because, value: bad === 0 ? "all correct" : kinds, n };
  },
});
