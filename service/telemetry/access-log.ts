import { once } from "node:events";
import { constants, openSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import sonicBoom from "sonic-boom";
import type { RequestRecord } from "./request-record.ts";

/** One line for each request under /v1, as docs/simulator-logs.md defines them. No prompts, answers or keys. */
export interface AccessLog {
  /**
   * Takes a line, and never waits for the disk.
   *
   * @param arrivedAt ms since the epoch
   * @param latencyMs from arrival to the last byte
   */
  write(record: RequestRecord, arrivedAt: number, latencyMs: number, status: number): void;
  /** Resolves when everything that was taken is written, or when that fails or takes too long. */
  close(): Promise<void>;
}

/** Lines wait here while the destination is slow; when it is full, they are lost and counted. */
const mostWaitingBytes = 8 * 1024 * 1024;
/** A pipe takes as much in one piece (PIPE_BUF), so that no line of the other log ends up inside of one. */
const oneWriteBytes = 4096;
/** A thread that waits in a write to a pipe would hold the process's exit. */
const appending = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;
const flushEveryMs = 500;
const closeWithinMs = 1000;

/**
 * Opens the log, at once; throws where its file cannot be opened.
 *
 * @param destination "stdout", or the path of a file to append to
 * @param onLost told of each line that was dropped
 * @param onFailure told of each failed write; what was to be written is tried again
 */
export function openAccessLog(
  destination: string,
  onLost: () => void,
  onFailure: (thrown: unknown) => void,
): AccessLog {
  // Not pino.destination(): at the exit that writes what is left, however long the destination takes.
  const out = new sonicBoom.SonicBoom({
    fd: destination === "stdout" ? 1 : openSync(destination, appending),
    sync: false,
    minLength: oneWriteBytes - 1,
    maxWrite: oneWriteBytes,
    maxLength: mostWaitingBytes,
    periodicFlush: flushEveryMs,
  });
  out.on("drop", onLost);
  out.on("error", onFailure);

  return {
    write(record, arrivedAt, latencyMs, status) {
      out.write(`${JSON.stringify(lineOf(record, arrivedAt, latencyMs, status))}\n`);
    },
    async close() {
      // Rejects when a write fails: there is no time to try again.
      const closed = once(out, "close").catch(() => undefined);
      out.end();
      await Promise.race([closed, delay(closeWithinMs, undefined, { ref: false })]);
    },
  };
}

/** The events of invalidations: a replay knows the first two, and counts the others. */
const invalidations = {
  answer: "invalidate",
  tenant: "invalidate-all",
  tag: "invalidate-tag",
  model: "invalidate-model",
  embeddings: "invalidate-embeddings",
} as const;

function eventOf({ route, invalidated }: RequestRecord): string {
  if (invalidated !== undefined) return invalidations[invalidated.by];
  return route === "chat-completions" ? "request" : route;
}

/** What the line is about: a key of the cache. A request that never had one is like no other. */
function nameOf({ id, trail, invalidated }: RequestRecord): string {
  return invalidated?.by === "answer" ? invalidated.key : (trail?.key ?? id);
}

function lineOf(record: RequestRecord, arrivedAt: number, latencyMs: number, status: number) {
  return {
    time: new Date(arrivedAt).toISOString(),
    event: eventOf(record),
    id: record.id,
    tenant: record.tenant,
    client: record.client,
    // Left out where it is what most are.
    priority: record.priority === "normal" ? undefined : record.priority,
    model: record.model,
    request: nameOf(record),
    promptTokens: record.promptTokens,
    outputTokens: record.outputTokens,
    latencyMs: Math.round(latencyMs * 1000) / 1000,
    status,
    cache: record.trail?.cache,
    rule: record.rule,
    responseBytes: record.answerBytes,
  };
}
