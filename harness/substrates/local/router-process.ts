import { setTimeout as delay } from "node:timers/promises";
import { abortOf } from "../../abort.ts";
import { BreakwaterError } from "../../errors.ts";
import type { EventBody } from "../../journal/event.ts";
import { processEntries } from "../../process-entries.ts";
import type { Traffic } from "../substrate.ts";
import type { Processes, RunningProcess } from "./processes.ts";
import type { FromRouter, Listener, Source, ToRouter } from "./router-protocol.ts";

/** The harness's side of the router. */
export interface Router {
  readonly process: RunningProcess;
  /** A service replica has (another) process. */
  sourceRunsAs(id: string, pid: number): void;
  /** A member's process has died or started: connecting to it is refused, or not. */
  listenFor(member: string, on: boolean): void;
  /** Connections of the link live for so long; undefined: for ever. */
  limitLifetime(link: string, lifetimeMs: number | undefined): void;
  /** As of at most a quarter of a second ago. */
  traffic(): Traffic;
}

/** It only has to listen. */
const upWithinMs = 10_000;

export async function startRouter(
  processes: Processes,
  env: Readonly<Record<string, string>>,
  cwd: string,
  sources: readonly Source[],
  listeners: readonly Listener[],
  record: (source: string, body: EventBody) => void,
  signal: AbortSignal,
): Promise<Router> {
  const running = await processes.start({
    name: "router",
    command: [process.execPath, processEntries.router],
    env,
    cwd,
    ipc: true,
  });
  const send = (message: ToRouter) => running.send(message);
  let traffic: Traffic = { entry: {}, links: {} };
  const up = new Promise<void>((resolve, reject) => {
    running.child.on("message", (message: FromRouter) => {
      if (message.type === "ready") resolve();
      else if (message.type === "failed") {
        reject(
          new BreakwaterError(
            "HARNESS_ERROR",
            "ADDRESS_NOT_AVAILABLE",
            `Cannot listen for the system's members: ${message.message}`,
          ),
        );
      } else if (message.type === "report") ({ traffic } = message);
      else record("router", { type: "bypass", to: message.to, from: message.from });
    });
    running.exited.then(() =>
      reject(
        new BreakwaterError("HARNESS_ERROR", "ROUTER_DIED", "Cannot start the router: its process ended"),
      ),
    );
  });
  send({ type: "configure", sources, listeners });
  const done = new AbortController();
  const late = delay(upWithinMs, undefined, { signal: done.signal }).then(() => {
    const message = `Cannot start the router: it does not listen after ${upWithinMs / 1000} s`;
    throw new BreakwaterError("HARNESS_ERROR", "PROCESS_NOT_READY", message);
  });
  late.catch(() => {});
  try {
    await Promise.race([up, late, abortOf(signal)]);
  } finally {
    done.abort();
  }
  return {
    process: running,
    sourceRunsAs: (id, pid) => send({ type: "source-pid", id, pid }),
    listenFor: (destination, on) => send({ type: "listen", destination, on }),
    limitLifetime: (link, lifetimeMs) =>
      send({ type: "lifetime", link, ...(lifetimeMs === undefined ? {} : { lifetimeMs }) }),
    traffic: () => traffic,
  };
}
