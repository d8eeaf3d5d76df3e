import express, { type Request, type Response } from "express";

/** Resolves with the body as JSON; rejects with what apiErrorOf() knows of body-parser. */
export type ReadBody = (req: Request, res: Response) => Promise<unknown>;

export function bodyReader(maxBytes: number): ReadBody {
  const parse = express.json({ limit: maxBytes });
  return (req, res) =>
    new Promise((resolve, reject) => {
      parse(req, res, (thrown?: unknown) => (thrown === undefined ? resolve(req.body) : reject(thrown)));
    });
}
