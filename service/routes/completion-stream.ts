import { once } from "node:events";
import type { Response } from "express";
import type { Answer, Delta } from "../inference/engine.ts";
import type { ApiError } from "./api-error.ts";
import {
  type CompletionHead,
  chunkEvent,
  doneEvent,
  event,
  pieces,
  usageEvent,
} from "./completion-format.ts";

/** The caller has taken nothing of its stream for too long. */
export class ReaderStalled extends Error {
  override readonly name = "ReaderStalled";
}

export interface CompletionStreamDeps {
  readonly head: CompletionHead;
  readonly includeUsage: boolean;
  /** How long a caller may take nothing before it counts as gone; undefined: for ever. */
  readonly stallMs: number | undefined;
  /** Gives the caller up, for the reason given: aborts the signal that everything for it is done under. */
  readonly giveUp: (reason: ReaderStalled) => void;
  /** Sets the headers that tell how the answer came about; called before the first byte. */
  readonly setHeaders: (provenance: string | undefined) => void;
}

/** A stored answer is sent in writes of about this size: one each for its small pieces would cost more. */
const replayChars = 16_384;

/**
 * Sends one chat completion as server-sent events, at the pace of its reader: what waits in the socket's buffer is
 * bounded by the buffer's high-water mark and one write. Its headers go out with the first piece.
 *
 * @param signal the caller's: aborted, nothing waits for the reader any more
 */
export function completionStream(res: Response, signal: AbortSignal, deps: CompletionStreamDeps) {
  const { head, includeUsage, stallMs, giveUp, setHeaders } = deps;

  function begin(provenance: string | undefined): void {
    setHeaders(provenance);
    res.setHeader("content-type", "text/event-stream; charset=utf-8");
    res.setHeader("cache-control", "no-cache");
    res.write(chunkEvent(head, { delta: { role: "assistant", content: "" } }));
  }

  /** Resolves when the reader has taken enough for more to be written. */
  async function write(text: string): Promise<void> {
    if (res.write(text)) return;
    const stalled =
      stallMs === undefined
        ? undefined
        : setTimeout(() => giveUp(new ReaderStalled(`nothing was taken for ${stallMs} ms`)), stallMs);
    try {
      await once(res, "drain", { signal });
    } finally {
      clearTimeout(stalled);
    }
  }

  return {
    /** Sends a piece; resolves when the reader is ready for the next. */
    async piece({ text, provenance }: Delta): Promise<void> {
      if (!res.headersSent) begin(provenance);
      await write(chunkEvent(head, { delta: { content: text } }));
    },
    /** Ends the stream; an answer of which no piece was sent (a stored one) is sent whole first. */
    async end(answer: Answer): Promise<void> {
      let rest = "";
      if (!res.headersSent) {
        begin(answer.provenance);
        for (const text of pieces(answer.content)) {
          rest += chunkEvent(head, { delta: { content: text } });
          if (rest.length < replayChars) continue;
          await write(rest);
          rest = "";
        }
      }
      if (answer.refusal !== undefined) rest += chunkEvent(head, { delta: { refusal: answer.refusal } });
      rest += chunkEvent(head, { delta: {}, finishReason: answer.finishReason });
      if (includeUsage && answer.usage !== undefined) rest += usageEvent(head, answer.usage);
      res.end(rest + doneEvent);
    },
    /**
     * Ends a stream that has begun. Without `[DONE]`: the answer is not complete. Where the reader has not taken what
     * was sent before, it would not take the error either; the connection is cut.
     */
    fail(error: ApiError): void {
      if (res.writableNeedDrain) res.destroy();
      else res.end(event(error.body()));
    },
  };
}
