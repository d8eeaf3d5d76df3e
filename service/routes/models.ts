import type { RequestHandler } from "express";

/** GET /v1/models: the one model that is served. */
export function models(model: string): RequestHandler {
  return (_req, res) => {
    res.json({ object: "list", data: [{ id: model, object: "model", created: 0, owned_by: "breakwater" }] });
  };
}
