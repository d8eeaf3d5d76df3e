import { z } from "zod";
import { processStopped } from "../evidence/process-state.ts";
import { defineFault } from "./fault.ts";

/**
 * Freezes the process (SIGSTOP) and lets it go on at the end (SIGCONT).
 *
 * Its sockets stay open and the kernel goes on accepting for it, so nothing breaks and nothing answers:
 * only a timeout on the caller's side can notice.
 */
export default defineFault({
  hits: "member",
  needs: ["pause", "resume"],
  params: z.strictObject({}),
  effect: ({ targets }) => ({
    act: targets.map((member) => ({ op: "pause", member })),
    undo: targets.map((member) => ({ op: "resume", member })),
    proof: processStopped(targets),
  }),
});
