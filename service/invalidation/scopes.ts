/**
 * What entries can be invalidated by, as texts: kind, whose it is, and which.
 *
 * A tenant's scopes carry its name, so that nothing a tenant sends can reach another one's entries.
 */

/** In the place of a tenant: everybody's. No tenant can be called this. */
const everybody = "*";

export type ScopeKind = "key" | "tag" | "model" | "tenant";

export const tenantScope = (tenant: string) => `tenant:${tenant}`;
export const tagScope = (tenant: string, tag: string) => `tag:${tenant}:${tag}`;
export const keyScope = (tenant: string, key: string) => `key:${tenant}:${key}`;
/** @param tenant undefined: the model's answers to everybody */
export const modelScope = (tenant: string | undefined, model: string) =>
  `model:${tenant ?? everybody}:${model}`;

/** Whose entry it is, and what it is about. */
export interface EntryOrigin {
  readonly tenant: string;
  readonly model: string;
  readonly key: string;
  /** As the caller gave them with the request. */
  readonly tags: readonly string[];
}

/** All that an entry can be invalidated by. */
export function entryScopes({ tenant, model, key, tags }: EntryOrigin): string[] {
  return [
    tenantScope(tenant),
    modelScope(tenant, model),
    modelScope(undefined, model),
    keyScope(tenant, key),
    ...tags.map((tag) => tagScope(tenant, tag)),
  ];
}

/**
 * Whether an entry can be invalidated by all of these. One that was stored for a request with other tags may not
 * serve this one: whoever invalidates a tag of theirs must reach what they are served.
 */
export function carries(entry: { readonly scopes: readonly string[] }, scopes: readonly string[]): boolean {
  return scopes.every((scope) => entry.scopes.includes(scope));
}

const kinds: readonly string[] = ["key", "tag", "model", "tenant"] satisfies ScopeKind[];

/** The kind of a scope, which may come from another version of this service. */
export function kindOf(scope: string): ScopeKind | "other" {
  const kind = scope.slice(0, scope.indexOf(":"));
  return isKind(kind) ? kind : "other";
}

function isKind(text: string): text is ScopeKind {
  return kinds.includes(text);
}

/** Whose scope it is; undefined: not a single tenant's. */
export function tenantOfScope(scope: string): string | undefined {
  const owner = scope.split(":", 2)[1];
  return owner === everybody ? undefined : owner;
}
