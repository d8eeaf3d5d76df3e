import { connect } from "node:net";
import type { HoldResult, ProbeResult } from "../substrate.ts";
import type { Target } from "./router-protocol.ts";

/**
 * One exchange on a new connection: connects, sends `question`, and waits for the first byte of an answer.
 *
 * @param from the address to dial from, which says in whose place the probe stands; undefined: nobody's
 */
export async function exchange(
  from: string | undefined,
  to: Target,
  question: string,
  timeoutMs: number,
): Promise<ProbeResult> {
  return await new Promise((resolve) => {
    let askedAt = 0;
    const socket = connect({
      host: to.host,
      port: to.port,
      noDelay: true,
      ...(from === undefined ? {} : { localAddress: from }),
    });
    const finish = (result: ProbeResult) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    const timer = setTimeout(() => finish({ outcome: "silent" }), timeoutMs);
    socket.once("connect", () => {
      askedAt = performance.now();
      socket.write(question);
    });
    socket.once("data", () => finish({ outcome: "answered", rttMs: performance.now() - askedAt }));
    socket.once("error", () => finish({ outcome: "refused" }));
    socket.once("close", () => finish({ outcome: "refused" }));
  });
}

/** Keeps a new connection, on which nothing is said, until it breaks or the time is over. */
export async function keepOpen(from: string | undefined, to: Target, forMs: number): Promise<HoldResult> {
  return await new Promise((resolve) => {
    const startedAt = performance.now();
    const socket = connect({
      host: to.host,
      port: to.port,
      ...(from === undefined ? {} : { localAddress: from }),
    });
    let connected = false;
    const finish = (outcome: HoldResult["outcome"]) => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ outcome: connected ? outcome : "not-connected", afterMs: performance.now() - startedAt });
    };
    const timer = setTimeout(() => finish("held"), forMs);
    socket.once("connect", () => {
      connected = true;
    });
    // What a member says unasked must be read, or its end would not be seen.
    socket.resume();
    socket.once("error", () => finish("broken"));
    socket.once("close", () => finish("broken"));
  });
}

/** A question that any Redis node answers at once, whatever its state. */
export const redisQuestion = "PING\r\n";

export function httpQuestion(path: string): string {
  return `GET ${path} HTTP/1.1\r\nhost: probe\r\nconnection: close\r\n\r\n`;
}
