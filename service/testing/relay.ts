import { fork } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** The way to a server, in a process of its own, so that the kernel treats its clients as it would in earnest. */
export interface Relay extends AsyncDisposable {
  /** Of loopback. */
  readonly port: number;
  /** Nothing is forwarded any more; nobody is told. The kernel still takes a few connections. */
  silence(): void;
  /** As `silence`, and whoever wants to connect gets no answer to its SYN: the host is gone. */
  blackhole(): Promise<void>;
  heal(): void;
}

/**
 * Forwards one port of loopback to another.
 *
 * @param askedPort 0: any that is free
 */
export async function startRelay(askedPort: number, targetPort: number): Promise<Relay> {
  const child = fork(join(import.meta.dirname, "relay-process.ts"), [`${askedPort}`, `${targetPort}`]);
  const killNow = () => void child.kill("SIGKILL");
  process.once("exit", killNow);
  const port = await Promise.race([
    once(child, "message").then(([listening]) => Number(listening)),
    once(child, "exit").then(() => Promise.reject(new Error(`no relay can listen on port ${askedPort}`))),
  ]);
  const fillers: Socket[] = [];
  const empty = () => {
    for (const socket of fillers.splice(0)) socket.destroy();
  };
  return {
    port,
    silence: () => void child.kill("SIGSTOP"),
    async blackhole() {
      child.kill("SIGSTOP");
      // Linux drops a SYN when the queue of those not yet accepted is full. The relay's has one place.
      for (let taken = true; taken; ) {
        const socket = connect(port, "127.0.0.1").on("error", () => undefined);
        fillers.push(socket);
        taken = await Promise.race([once(socket, "connect").then(() => true), delay(200, false)]);
      }
    },
    heal() {
      empty();
      child.kill("SIGCONT");
    },
    async [Symbol.asyncDispose]() {
      empty();
      process.off("exit", killNow);
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    },
  };
}
