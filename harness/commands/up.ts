import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { Interrupted } from "../abort.ts";
import { BreakwaterError } from "../errors.ts";
import type { EventBody } from "../journal/event.ts";
import { useRunFolder } from "../journal/run-folder.ts";
import { wordsInstead } from "../nearest-word.ts";
import { eventLine } from "../reporters/live/event-line.ts";
import { substrates } from "../substrates/catalog.ts";
import type { System } from "../system/system.ts";
import { provideTools } from "../toolchain/tools.ts";
import type { CliCommand } from "./command.ts";
import { addSystemOptions, openSystem, type SystemOptions } from "./input/plan-options.ts";
import { listenForStop } from "./input/stop-signals.ts";
import { bypassLines } from "./output/bypass-lines.ts";
import { showUntilStopped } from "./output/show-system.ts";

const up: CliCommand = {
  summary: "start a system and leave it up, with its addresses, until Ctrl-C",
  examples: [
    ["up", "./system.yaml if there is one, else the reference service"],
    ["up --without breaker", "with one of its policies switched off"],
  ],
  configure(command, finish) {
    addSystemOptions(
      command,
      "what is started: a file, or `reference` (default: ./system.yaml, else `reference`)",
    ).action(async (options: SystemOptions) => {
      await keepUp(options);
      finish("PASS");
    });
  },
};
export default up;

async function keepUp(options: SystemOptions): Promise<void> {
  using signals = listenForStop();
  const cwd = process.cwd();
  const { default: substrate } = await substrates.local();
  const system = await openSystem(options, undefined, substrate, cwd);
  const env = switchEnvironment(system, options.without ?? []);
  const print = (line: string) => void process.stderr.write(`${line}\n`);
  const { tools } = await provideTools(print, signals.stop);
  const runId = `up-${new Date().toISOString().replaceAll(/[:.]/g, "-")}`;
  const folder = await useRunFolder(join(cwd, "runs", runId));
  const zeroMs = performance.now();
  const bypasses = bypassLines();
  const record = (source: string, body: EventBody) => {
    const stamp = { atMs: performance.now() - zeroMs, source, arm: "main", attempt: 1 };
    const text = body.type === "bypass" ? bypasses(body) : eventLine({ ...stamp, ...body });
    if (text !== undefined) print(text);
  };
  print(`starting system ${system.name}; logs are in ${folder.logs}`);
  {
    await using deployment = await substrate.start(
      system,
      { runId, runDir: folder.path, env, tools, record, hurry: signals.hurry },
      signals.stop,
    );
    await showUntilStopped(deployment, signals.stop, print);
    print("stopping the system");
  }
  print("The system is stopped: all its processes have ended.");
  // Asked to stop is how this command ends; anything else that has aborted it is an error.
  const reason: unknown = signals.stop.reason;
  if (!(reason instanceof Interrupted)) throw reason;
}

/** Environment by service in which the named policies are off. */
function switchEnvironment(
  system: System,
  without: readonly string[],
): Record<string, Record<string, string>> {
  const services = Object.entries(system.services);
  const known = services.flatMap(([, { switches }]) => Object.keys(switches));
  for (const name of without) {
    if (known.includes(name)) continue;
    throw new BreakwaterError(
      "BAD_INPUT",
      "UNKNOWN_SWITCH",
      `Cannot start "${system.name}" without "${name}", which is no switch: ${wordsInstead(name, [...new Set(known)])}`,
    );
  }
  return Object.fromEntries(
    services.map(([service, { switches }]) => [
      service,
      Object.assign({}, ...without.map((name) => switches[name] ?? {})),
    ]),
  );
}
