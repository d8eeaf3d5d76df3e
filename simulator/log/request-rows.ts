import { canonicalRequest, normalisedRequest, promptText } from "./canonical-request.ts";
import { Hash128, noSalt } from "./hash.ts";
import type { LogBuilder, Row } from "./log-builder.ts";

/** A prefix block of a prompt that the log has as text. 4 bytes a token is OpenAI's rule of thumb for English. */
const bytesPerBlock = 256;
export const tokensPerTextBlock = 64;

/** What a log knows of a request's identity. */
export interface Identity {
  readonly key: number;
  readonly normalisedKey: number;
}

/**
 * Hashes requests that a log has as text (or as JSON) into dense ids. Equal requests of two tenants or models
 * are different: no answer is ever shared between them.
 */
export class RequestRows {
  readonly #builder: LogBuilder;
  readonly #hash = new Hash128();
  readonly #encoder = new TextEncoder();
  #text = new Uint8Array(4096);
  readonly #block = new Uint8Array(16 + bytesPerBlock + 16);
  readonly #blockView = new DataView(this.#block.buffer);

  constructor(builder: LogBuilder) {
    this.#builder = builder;
  }

  /** The hash of a request, before its tenant and model. Valid until the next call. */
  hashOf(request: unknown): Hash128 {
    return this.#hash.ofText(canonicalRequest(request));
  }

  /** The id of who asked: a name means someone else in another tenant. */
  clientOf(tenant: number, name: string): number {
    return this.#builder.clients.idOf(
      this.#hash.ofText(name).within(this.#builder.tenants.saltOf(tenant), noSalt),
    );
  }

  /** Sets the row's keys from a request: parsed JSON, or a text that is the prompt. */
  identify(row: Row, tenant: number, model: number, request: unknown): Identity {
    const builder = this.#builder;
    const ofTenant = builder.tenants.saltOf(tenant);
    const ofModel = builder.models.saltOf(model);
    const known = builder.keys.size;
    row.key = builder.keys.idOf(this.hashOf(request).within(ofTenant, ofModel));
    if (builder.keys.size > known) builder.onNewRequest?.(row.key, request);
    const text = normalisedRequest(request);
    row.normalisedKey = builder.normalisedKeys.idOf(this.#hash.ofText(text).within(ofTenant, ofModel));
    return row;
  }

  /** Sets the row's key from a name that the log has in place of the request: nothing to normalise or to embed. */
  identifyByName(row: Row, tenant: number, model: number, name: string): void {
    const { keys, tenants, models } = this.#builder;
    row.key = keys.idOf(this.hashOf(name).within(tenants.saltOf(tenant), models.saltOf(model)));
  }

  /**
   * The prefix blocks of a request's prompt, as dense ids: each stands for the whole prompt up to the block's
   * end, as in an engine's KV cache. A last block that is not full is left out, as engines do.
   */
  blocksOf(model: number, request: unknown): Uint32Array {
    const text = promptText(request);
    if (this.#text.length < 3 * text.length) this.#text = new Uint8Array(6 * text.length);
    const { written } = this.#encoder.encodeInto(text, this.#text);
    const ids = new Uint32Array(Math.floor(written / bytesPerBlock));
    const view = this.#blockView;
    const salt = this.#builder.models.saltOf(model);
    view.setInt32(0, salt.first, true);
    view.setInt32(4, salt.second, true);
    view.setInt32(8, 0, true);
    view.setInt32(12, 0, true);
    for (let i = 0; i < ids.length; i++) {
      this.#block.set(this.#text.subarray(i * bytesPerBlock, (i + 1) * bytesPerBlock), 16);
      const hash = this.#hash.of(view, 0, 16 + bytesPerBlock);
      ids[i] = this.#builder.blockId(hash);
      view.setInt32(0, hash.h1, true);
      view.setInt32(4, hash.h2, true);
      view.setInt32(8, hash.h3, true);
      view.setInt32(12, hash.h4, true);
    }
    return ids;
  }
}
