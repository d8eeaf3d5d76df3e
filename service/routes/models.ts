import type { RequestHandler } from "express";
import type { TenantOf } from "../tenants.ts";

/** GET /v1/models: the one model that is served. */
export function models(model: string, tenantOf: TenantOf): RequestHandler {
  return (req, res) => {
    tenantOf(req.headers.authorization);
    res.json({ object: "list", data: [{ id: model, object: "model", created: 0, owned_by: "breakwater" }] });
  };
}
