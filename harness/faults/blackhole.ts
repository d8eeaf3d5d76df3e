import { z } from "zod";
import { linksSilent } from "../evidence/link-probe.ts";
import { defineFault } from "./fault.ts";

/**
 * Connections are accepted, and then no byte passes in either direction.
 *
 * The worst kind of outage for a caller without timeouts: connecting succeeds, and nothing ever ends.
 */
export default defineFault({
  hits: "link",
  needs: ["silent"],
  params: z.strictObject({}),
  effect: ({ fault, targets }) => ({
    act: targets.map((link) => ({ op: "shape", link, as: fault, shape: { kind: "silent" } })),
    undo: targets.map((link) => ({ op: "unshape", link, as: fault })),
    proof: linksSilent(targets),
  }),
});
