import { z } from "zod";
import { storeEmptied } from "../evidence/store-emptied.ts";
import { defineFault } from "./fault.ts";

/**
 * Removes all that the store holds, at once: a cold start at full load.
 *
 * Nothing breaks and nothing is slow, so no timeout or breaker notices; what comes is every request that the store
 * would have answered. It happens in a moment and there is no way back: `for` is how long its effects are
 * watched as the fault, and that the store fills again is the system's own work.
 */
export default defineFault({
  hits: "shard",
  needs: ["empty"],
  params: z.strictObject({}),
  effect: ({ targets }) => ({
    act: targets.map((member) => ({ op: "empty", member })),
    undo: [],
    proof: storeEmptied(targets),
  }),
});
