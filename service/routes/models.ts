import type { RequestHandler } from "express";

/** GET /v1/models: the models that are served. */
export function models(ids: readonly string[]): RequestHandler {
  return (_req, res) => {
    const data = ids.map((id) => ({ id, object: "model", created: 0, owned_by: "breakwater" }));
    res.json({ object: "list", data });
  };
}
