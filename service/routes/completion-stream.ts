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

export interface CompletionStreamDeps {
  readonly head: CompletionHead;
  readonly includeUsage: boolean;
  /** Sets the headers that tell how the answer came about; called before the first byte. */
  readonly setHeaders: (provenance: string | undefined) => void;
}

/** Sends one chat completion as server-sent events. Its headers go out with the first piece. */
export function completionStream(res: Response, { head, includeUsage, setHeaders }: CompletionStreamDeps) {
  function begin(provenance: string | undefined): void {
    setHeaders(provenance);
    res.setHeader("content-type", "text/event-stream; charset=utf-8");
    res.setHeader("cache-control", "no-cache");
    res.write(chunkEvent(head, { delta: { role: "assistant", content: "" } }));
  }

  return {
    /**
     * Sends a piece, without waiting for a caller who reads slowly: the model's attempt timeout would run out
     * meanwhile, and its breaker open for all. What waits to be sent is one answer, held in memory as it is.
     */
    onDelta({ text, provenance }: Delta): void {
      if (!res.headersSent) begin(provenance);
      res.write(chunkEvent(head, { delta: { content: text } }));
    },
    /** Ends the stream; an answer of which no piece was sent (a stored one) is sent whole first. */
    end(answer: Answer): void {
      let rest = "";
      if (!res.headersSent) {
        begin(answer.provenance);
        rest = pieces(answer.content)
          .map((text) => chunkEvent(head, { delta: { content: text } }))
          .join("");
      }
      rest += chunkEvent(head, { delta: {}, finishReason: answer.finishReason });
      if (includeUsage && answer.usage !== undefined) rest += usageEvent(head, answer.usage);
      res.end(rest + doneEvent);
    },
    /** Ends a stream that has begun. Without `[DONE]`: the answer is not complete. */
    fail(error: ApiError): void {
      res.end(event(error.body()));
    },
  };
}
