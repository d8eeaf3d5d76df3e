import type { RequestHandler } from "express";
import { checkServed } from "./checked-body.ts";

const modelObject = (id: string) => ({ id, object: "model", created: 0, owned_by: "breakwater" });

/** GET /v1/models: the models that are served. */
export function models(ids: readonly string[]): RequestHandler {
  return (_req, res) => {
    res.json({ object: "list", data: ids.map(modelObject) });
  };
}

/** GET /v1/models/{id}: one of them. A name may have slashes, which not all clients escape. */
export function model(ids: readonly string[]): RequestHandler {
  return (req, res) => {
    const id = [req.params["id"]].flat().join("/");
    checkServed(id, ids);
    res.json(modelObject(id));
  };
}
