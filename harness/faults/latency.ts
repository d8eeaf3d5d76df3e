import { z } from "zod";
import { linksSlowed } from "../evidence/link-probe.ts";
import { duration } from "../system/units.ts";
import { defineFault } from "./fault.ts";

const leastDelayMs = 10;

/**
 * Makes each answer on the link come later by `delay`, give or take `jitter`.
 *
 * The other side stays up and answers correctly, so health checks keep passing: only a timeout or a
 * breaker on the caller's side can notice.
 */
export default defineFault({
  hits: "link",
  needs: ["latency"],
  params: z.strictObject({
    delay: duration
      .refine(
        (ms) => Number.isInteger(ms) && ms >= leastDelayMs,
        "a delay is whole milliseconds, and less than 10ms cannot be told from noise",
      )
      .describe("added to each answer"),
    jitter: duration
      .refine((ms) => Number.isInteger(ms), "a jitter is whole milliseconds")
      .prefault("0ms")
      .describe("the delay varies evenly by this much either way"),
  }),
  effect: ({ fault, targets }, { delay, jitter }) => ({
    act: targets.map((link) => ({
      op: "shape",
      link,
      as: fault,
      shape: { kind: "latency", delayMs: delay, jitterMs: jitter },
    })),
    undo: targets.map((link) => ({ op: "unshape", link, as: fault })),
    // The least that is sure to be there; never so little that noise alone would prove it.
    proof: linksSlowed(targets, Math.max(leastDelayMs, delay - jitter)),
  }),
});
