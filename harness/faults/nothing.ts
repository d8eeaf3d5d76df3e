import { z } from "zod";
import { defineFault } from "./fault.ts";

/** Does nothing, for as long as it is asked to: the negative control, and the shortest example of the contract. */
export default defineFault({
  hits: "nothing",
  needs: [],
  params: z.strictObject({}),
  effect: () => ({
    act: [],
    undo: [],
    proof: {
      inForce: async () => ({ holds: true, saw: "nothing was to be done" }),
      healed: async () => ({ holds: true, saw: "nothing was to be undone" }),
    },
  }),
});
