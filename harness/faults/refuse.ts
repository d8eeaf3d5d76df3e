import { z } from "zod";
import { linksRefused } from "../evidence/link-probe.ts";
import { defineFault } from "./fault.ts";

/** Closes the link's connections, and each new one at once: what a caller sees of a server that is down. */
export default defineFault({
  hits: "link",
  needs: ["refused"],
  params: z.strictObject({}),
  effect: ({ fault, targets }) => ({
    act: targets.map((link) => ({ op: "shape", link, as: fault, shape: { kind: "refused" } })),
    undo: targets.map((link) => ({ op: "unshape", link, as: fault })),
    proof: linksRefused(targets),
  }),
});
