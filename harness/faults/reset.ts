import { z } from "zod";
import { linksShortLived } from "../evidence/link-hold.ts";
import { duration } from "../system/units.ts";
import { defineFault } from "./fault.ts";

/** A look takes more than a lifetime, and a fault is proven within 5 s or not at all. */
const longestMs = 2_000;

/**
 * Resets each connection of the link once it has lived for `lifetime`; new ones are accepted at once.
 *
 * A request that takes a hundredth of a lifetime meets a reset once in about a hundred times, so most are
 * answered and some are not: only another attempt, on another connection, helps. Failing requests alone open no
 * breaker that counts shares.
 */
export default defineFault({
  hits: "link",
  needs: ["lifetime"],
  params: z.strictObject({
    lifetime: duration
      .refine((ms) => ms >= 50 && ms <= longestMs, "a lifetime is from 50ms to 2s")
      .describe("how long each connection lives"),
  }),
  effect: ({ fault, targets }, { lifetime }) => ({
    act: targets.map((link) => ({
      op: "shape",
      link,
      as: fault,
      shape: { kind: "lifetime", lifetimeMs: lifetime },
    })),
    undo: targets.map((link) => ({ op: "unshape", link, as: fault })),
    proof: linksShortLived(targets, lifetime),
  }),
});
