import express, { type Request, type Response } from "express";
import { ApiError } from "./api-error.ts";

/** Resolves with the body as JSON; rejects with ApiError, or with what apiErrorOf() knows of body-parser. */
export type ReadBody = (req: Request, res: Response) => Promise<unknown>;

/** No request that means anything is deeper. Whoever walks a body by recursion runs out of stack at some thousands. */
const maxDepth = 100;
/**
 * Nor has one so many: of a body of 1 MB that is 500,000 numbers where messages should be, checking each and wording
 * what is wrong with it took seconds, in which nobody else was answered.
 */
const maxValues = 20_000;

/** Compressed bodies are refused (415): no client of this API sends any, and a few bytes could be gigabytes. */
export function bodyReader(maxBytes: number): ReadBody {
  // Not strict: null is JSON, and what is wrong with it is that it is no object.
  const parse = express.json({ limit: maxBytes, inflate: false, strict: false });
  return (req, res) =>
    new Promise((resolve, reject) => {
      // null: there is no body; its first missing field is told then.
      if (req.is("application/json") === false) return reject(notJson());
      parse(req, res, (thrown?: unknown) => {
        if (thrown !== undefined) return reject(thrown);
        const excess = excessOf(req.body);
        if (excess === undefined) resolve(req.body);
        else reject(new ApiError(400, "invalid_body", excess));
      });
    });
}

/** What the parser does not take, it leaves unread: the body would seem to be missing. */
function notJson(): ApiError {
  const message = "Send the body as JSON, with content-type: application/json";
  return new ApiError(415, "unsupported_media_type", message);
}

/** What of a body is more than may be. Looks no further than there. */
function excessOf(body: unknown): string | undefined {
  let values = 0;
  function within(value: unknown, depth: number): string | undefined {
    if (++values > maxValues) return `The body has more than ${maxValues} values`;
    if (typeof value !== "object" || value === null) return undefined;
    if (depth === maxDepth) return `The body is nested more than ${maxDepth} deep`;
    for (const member of Array.isArray(value) ? value : Object.values(value)) {
      const excess = within(member, depth + 1);
      if (excess !== undefined) return excess;
    }
    return undefined;
  }
  return within(body, 0);
}
