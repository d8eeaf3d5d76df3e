import type { Server } from "node:http";
import { createBatch } from "./batching.ts";
import { type Config, readConfig } from "./config.ts";
import { createEngine, systemClock } from "./engine.ts";
import { readProfile, stepMs } from "./profile.ts";
import { createModelServer } from "./server.ts";

/** What Llama 3 8B takes, and as far as the profile holds. */
const contextTokens = 8192;

/** A usual bound of chunked prefill: longer prompts do not stop the others' tokens for more than some 50 ms. */
const maxStepTokens = 2048;

function assemble(config: Config): Server {
  const profile = readProfile();
  const limits = { maxSequences: config.maxBatch, maxStepTokens };
  const batch = createBatch(limits, (work) => stepMs(work, profile));
  let generation = 0;
  return createModelServer({
    engine: createEngine(batch, systemClock),
    model: config.modelName,
    embeddingsModel: config.embeddingsModelName,
    version: config.modelVersion,
    contextTokens,
    maxQueue: config.maxQueue,
    provenance: (tenant) => {
      generation += 1;
      return `tenant=${tenant};epoch=${config.epoch};generation=${generation};at=${Date.now()}`;
    },
  });
}

function fail(thrown: unknown): never {
  console.error(thrown instanceof Error ? thrown.message : thrown);
  process.exit(1);
}

try {
  const config = readConfig(process.env);
  const server = assemble(config);
  server.once("error", fail);
  server.listen(config.port, config.host, () => {
    const address = server.address();
    const port = typeof address === "object" ? address?.port : undefined;
    console.log(`listening on http://${config.host}:${port ?? config.port}`);
  });
  // A stand-in drains nothing: whoever stops it is done with it.
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => process.exit(0));
} catch (thrown) {
  fail(thrown);
}
