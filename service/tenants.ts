import { createHmac, randomBytes } from "node:crypto";
import { ApiError } from "./routes/api-error.ts";

/** Whose key it is, by a request's `Authorization` header. Throws ApiError 401. */
export type TenantByKey = (authorization: string | undefined) => string;

/** Everybody, where no keys are configured. */
const everybody = "public";

/**
 * A tenant may have several keys, so that one can be replaced by another without an interruption.
 *
 * Keys are looked up by a digest under a secret of this process, so that how long it takes tells nothing about
 * the keys, whatever a caller tries; and the keys themselves are not held in memory.
 *
 * @param keys undefined: every key is accepted, and everybody is "public"
 */
export function tenantsByKey(keys: readonly { tenant: string; key: string }[] | undefined): TenantByKey {
  if (keys === undefined) return () => everybody;
  const secret = randomBytes(32);
  const digest = (key: string) => createHmac("sha256", secret).update(key).digest("base64");
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
