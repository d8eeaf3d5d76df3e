import { createHmac, randomBytes } from "node:crypto";
import { ApiError } from "../routes/api-error.ts";

/** Whose key it is, by a request's `Authorization` header. Throws ApiError 401. */
export type TenantByKey = (authorization: string | undefined) => string;

/** Whether a request's `Authorization` header has an admin's key. */
export type IsAdmin = (authorization: string | undefined) => boolean;

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
  const digest = secretDigest();
  const tenants = new Map(keys.map(({ tenant, key }) => [digest(key), tenant]));
  return (authorization) => {
    const key = bearerKey(authorization);
    const tenant = key === undefined ? undefined : tenants.get(digest(key));
    if (tenant !== undefined) return tenant;
    throw new ApiError(401, "invalid_api_key", "Missing or unknown API key", {
      type: "authentication_error",
    });
  };
}

/** @param keys none: nobody is an admin */
export function adminsByKey(keys: readonly string[]): IsAdmin {
  const digest = secretDigest();
  const admins = new Set(keys.map(digest));
  return (authorization) => {
    const key = bearerKey(authorization);
    return key !== undefined && admins.has(digest(key));
  };
}

function bearerKey(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
}

function secretDigest(): (key: string) => string {
  const secret = randomBytes(32);
  return (key) => createHmac("sha256", secret).update(key).digest("base64");
}
