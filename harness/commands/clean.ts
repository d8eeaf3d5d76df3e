import { resolve } from "node:path";
import { substrates } from "../substrates/catalog.ts";
import type { CliCommand } from "./command.ts";

const clean: CliCommand = {
  summary: "remove what runs that were killed have left: processes and working folders",
  examples: [
    ["clean", "looks at the runs in ./runs; a run that is still on is left alone"],
    ["clean ./report", "looks at a run that was recorded with --run-dir ./report"],
  ],
  configure(command, finish) {
    const folder = "the folder of a run, or one that holds runs (default: ./runs)";
    command.argument("[folder]", folder).action(async (given: string | undefined) => {
      let left = 0;
      for (const load of Object.values(substrates)) {
        const { processes, folders } = await (await load()).default.clean(resolve(given ?? "runs"));
        for (const process of processes) console.log(`ended    ${process}`);
        for (const folder of folders) console.log(`removed  ${folder}`);
        left += processes.length + folders.length;
      }
      if (left === 0) console.log("nothing was left");
      finish("PASS");
    });
  },
};
export default clean;
