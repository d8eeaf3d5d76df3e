import { compose, type Service } from "./composition/service.ts";
import { type Config, ConfigError, readConfig } from "./config/config.ts";
import { createLog } from "./telemetry/log.ts";

function configOrExit(): Config {
  try {
    return readConfig(process.env);
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    console.error(thrown.message);
    process.exit(1);
  }
}

const config = configOrExit();
const log = createLog(config.logLevel);
// Not even loaded where it is off.
const tracing = config.tracing && (await import("./telemetry/tracing.ts")).startTracing(config.tracing);
const service = serviceOrExit();

function cannotStart(thrown: unknown): never {
  log.fatal({ reason: thrown instanceof Error ? thrown.message : String(thrown) }, "cannot start");
  process.exit(1);
}

function serviceOrExit(): Service {
  try {
    return compose(config, log, tracing);
  } catch (thrown) {
    return cannotStart(thrown);
  }
}

let stopping = false;
async function stop(signal: NodeJS.Signals): Promise<void> {
  if (stopping) return;
  stopping = true;
  log.info({ signal }, "draining");
  const finished = await service.stop();
  log.info({ finished }, "stopped");
  process.exit(0);
}
process.on("SIGTERM", stop);
process.on("SIGINT", stop);

service.server.once("listening", () => log.info({ address: service.server.address() }, "listening"));
try {
  await service.start();
  if (!stopping) log.info("ready");
} catch (thrown) {
  cannotStart(thrown);
}
