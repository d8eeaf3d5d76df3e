import type { Hash128 } from "../hash.ts";
import type { LogBuilder } from "../log-builder.ts";

/** A tenant and a model; undefined: any. */
export interface Scope {
  readonly tenant: number | undefined;
  readonly model: number | undefined;
}

/** The keys of requests, each of one tenant and model, and which pairs of those there have been. */
export class ScopedKeys {
  readonly #builder: LogBuilder;
  readonly #scopes = new Map<
    number,
    { readonly tenant: number; readonly model: number; readonly key: number }
  >();

  constructor(builder: LogBuilder) {
    this.#builder = builder;
  }

  /** The key of a request, by its hash before its tenant and model are mixed in. */
  of(hash: Hash128, tenant: number, model: number): number {
    const { keys } = this.#builder;
    const known = keys.size;
    const key = keys.idOf(this.within(hash, tenant, model));
    if (keys.size > known) this.add(tenant, model, key);
    return key;
  }

  /** Tells of a key that was made elsewhere. */
  add(tenant: number, model: number, key: number): void {
    const scope = 0x10000 * tenant + model;
    if (!this.#scopes.has(scope)) this.#scopes.set(scope, { tenant, model, key });
  }

  /** The pairs so far that are within what is named, each with a key of its own. */
  scopes(named: Scope) {
    return [...this.#scopes.values()].filter((scope) => isWithin(scope, named));
  }

  /** A hash with its tenant and model mixed in. */
  within(hash: Hash128, tenant: number, model: number): Hash128 {
    const { tenants, models } = this.#builder;
    return hash.within(tenants.saltOf(tenant), models.saltOf(model));
  }
}

function isWithin({ tenant, model }: Scope, named: Scope): boolean {
  return (named.tenant ?? tenant) === tenant && (named.model ?? model) === model;
}
