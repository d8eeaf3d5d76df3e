import { z } from "zod";
import { processGone } from "../evidence/process-state.ts";
import { defineFault } from "./fault.ts";

/**
 * Ends the process at once (SIGKILL) and starts it again at the end.
 *
 * Its sockets are closed by the kernel, so clients notice immediately; what takes time is that others
 * agree on its death and put a replica in its place.
 */
export default defineFault({
  hits: "member",
  needs: ["kill", "start"],
  params: z.strictObject({}),
  effect: ({ targets }) => ({
    act: targets.map((member) => ({ op: "kill", member })),
    undo: targets.map((member) => ({ op: "start", member })),
    proof: processGone(targets),
  }),
});
