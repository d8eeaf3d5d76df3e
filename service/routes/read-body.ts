import express, { type Request, type Response } from "express";
import { ApiError } from "./api-error.ts";

/** Resolves with the body as JSON; rejects with ApiError, or with what apiErrorOf() knows of body-parser. */
export type ReadBody = (req: Request, res: Response) => Promise<unknown>;

/** No request that means anything is deeper. Whoever walks a body by recursion runs out of stack at some thousands. */
const maxDepth = 100;

/** Compressed bodies are refused (415): no client of this API sends any, and a few bytes could be gigabytes. */
export function bodyReader(maxBytes: number): ReadBody {
  // Not strict: null is JSON, and what is wrong with it is that it is no object.
  const parse = express.json({ limit: maxBytes, inflate: false, strict: false });
  return (req, res) =>
    new Promise((resolve, reject) => {
      // null: there is no body; its first missing field is told then.
      if (req.is("application/json") === false) return reject(notJson());
      parse(req, res, (thrown?: unknown) => {
        if (thrown !== undefined) reject(thrown);
        else if (isDeeper(req.body, maxDepth)) {
          reject(new ApiError(400, "invalid_body", `The body is nested more than ${maxDepth} deep`));
        } else resolve(req.body);
      });
    });
}

/** What the parser does not take, it leaves unread: the body would seem to be missing. */
function notJson(): ApiError {
  const message = "Send the body as JSON, with content-type: application/json";
  return new ApiError(415, "unsupported_media_type", message);
}

function isDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (depth === 0) return true;
  return Object.values(value).some((member) => isDeeper(member, depth - 1));
}
