import { requestingUser } from "../canonical-request.ts";
import { Interner } from "../interner.ts";
import type { LogBuilder, Row } from "../log-builder.ts";
import { RequestRows, tokensPerTextBlock } from "../request-rows.ts";
import { isRecord } from "../usage.ts";
import type { ScopedKeys } from "./keys.ts";
import { field, type Line } from "./line.ts";

/** So many bodies are known at a time: what repeats does so sooner, and memory has a bound. */
const mostBodies = 1 << 18;

/** What a request's body came to. */
export interface Body {
  readonly key: number;
  readonly normalisedKey: number;
  readonly model: number;
  /** -1: it does not say. */
  readonly client: number;
  readonly blocks: Uint32Array;
}

/** Requests that the log has as bodies, by their bytes: one seen before is not parsed again. */
export class Bodies {
  readonly #line: Line;
  readonly #builder: LogBuilder;
  readonly #keys: ScopedKeys;
  readonly #requests: RequestRows;
  #ids = new Interner();
  #known: Body[] = [];

  constructor(line: Line, builder: LogBuilder, keys: ScopedKeys) {
    this.#line = line;
    this.#builder = builder;
    this.#keys = keys;
    this.#requests = new RequestRows(builder);
    builder.tokensPerBlock = tokensPerTextBlock;
  }

  /** The hash of a body, before its tenant and model. Valid until the next call. */
  hashOf(body: unknown) {
    return this.#requests.hashOf(body);
  }

  /** @param row whose keys may be set on the way */
  of(row: Row, tenant: number, model: number, at: number): Body {
    if (this.#known.length === mostBodies) {
      this.#ids = new Interner();
      this.#known = [];
    }
    const id = this.#ids.idOf(this.#keys.within(this.#line.spanHash(at), tenant, model));
    const known = this.#known[id] ?? this.#learnt(row, tenant, model, at);
    this.#known[id] = known;
    return known;
  }

  #learnt(row: Row, tenant: number, lineModel: number, at: number): Body {
    const request = this.#line.parsed(at);
    const named = isRecord(request) && typeof request.model === "string" ? request.model : undefined;
    const noModel = !this.#line.has(field.model);
    const model = noModel && named !== undefined ? this.#builder.models.idOfText(named) : lineModel;
    const { key, normalisedKey } = this.#requests.identify(row, tenant, model, request);
    this.#keys.add(tenant, model, key);
    const user = requestingUser(request);
    const client = user === undefined ? -1 : this.#requests.clientOf(tenant, user);
    return { key, normalisedKey, model, client, blocks: this.#requests.blocksOf(model, request) };
  }
}
