/** What a request's Cache-Control header asks of the cache. */
export interface CacheDirectives {
  readonly noStore: boolean;
  readonly noCache: boolean;
  readonly onlyIfCached: boolean;
  readonly maxAgeMs: number | undefined;
}

/** A day over a century: more is no limit, and must not overflow. */
const maxSeconds = 3_155_846_400;

/**
 * Reads a request's Cache-Control header (RFC 9111, 5.2.1). Directives of other kinds are ignored, as the RFC has it.
 *
 * A `max-age` that cannot be read counts as 0, the careful reading; of several the smallest counts.
 */
export function cacheDirectives(header: string | undefined): CacheDirectives {
  let noStore = false;
  let noCache = false;
  let onlyIfCached = false;
  let maxAgeMs: number | undefined;
  for (const directive of (header ?? "").split(",")) {
    const [name = "", argument] = directive.split("=", 2).map((part) => part.trim());
    switch (name.toLowerCase()) {
      case "no-store":
        noStore = true;
        break;
      case "no-cache":
        noCache = true;
        break;
      case "only-if-cached":
        onlyIfCached = true;
        break;
      case "max-age":
        maxAgeMs = Math.min(maxAgeMs ?? Number.POSITIVE_INFINITY, 1000 * seconds(argument));
        break;
    }
  }
  return { noStore, noCache, onlyIfCached, maxAgeMs };
}

function seconds(argument: string | undefined): number {
  const digits = /^"?(\d{1,15})"?$/.exec(argument ?? "")?.[1];
  return digits === undefined ? 0 : Math.min(Number(digits), maxSeconds);
}
