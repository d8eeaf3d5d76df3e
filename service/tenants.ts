import { createHash } from "node:crypto";
import { ApiError } from "./routes/api-error.ts";

/** Whose request it is, by its `Authorization` header. Throws ApiError 401. */
export type TenantOf = (authorization: string | undefined) => string;

/** @param keys undefined: every key is accepted, and everybody is "public" */
export function tenantsByKey(keys: readonly { tenant: string; key: string }[] | undefined): TenantOf {
  if (keys === undefined) return () => "public";
  // By digest, so that how long a look-up takes says nothing about a key.
  const tenants = new Map(keys.map(({ tenant, key }) => [digest(key), tenant]));
  return (authorization) => {
    const key = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
    const tenant = key === undefined ? undefined : tenants.get(digest(key));
    if (tenant !== undefined) return tenant;
    throw new ApiError(401, "invalid_api_key", "Missing or unknown API key", {
      type: "authentication_error",
    });
  };
}

function digest(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}
