import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { InputError, reasonOf } from "../input-error.ts";
import { textToRead } from "../log/canonical-request.ts";
import type { RequestSink } from "../log/read.ts";
import { normalise } from "./similarity.ts";
import { trigrams } from "./trigrams.ts";

/** Turns texts into vectors. The built-in one is lexical; a model's takes its place by the same shape. */
export interface Embedder {
  readonly name: string;
  readonly dimensions: number;
  /** A vector of `dimensions` numbers for each text: one array after the other, or all in one. */
  embed(texts: readonly string[]): Promise<Float32Array | readonly (readonly number[])[]>;
}

/** So many texts at a time. */
const batch = 256;
const mostDimensions = 65_536;

/**
 * The embedder of `--embedder`: "trigrams", or a module whose default export is one.
 *
 * @throws InputError BAD_EMBEDDER
 */
export async function loadEmbedder(name: string): Promise<Embedder> {
  if (name === "trigrams") return trigrams;
  let loaded: { readonly default?: unknown };
  try {
    loaded = await import(pathToFileURL(resolve(name)).href);
  } catch (thrown) {
    throw new InputError(
      "BAD_EMBEDDER",
      `Cannot load embedder "${name}": ${reasonOf(thrown)}`,
      'Name a module whose default export is { name, dimensions, embed }, or "trigrams".',
      thrown,
    );
  }
  if (isEmbedder(loaded.default)) return loaded.default;
  throw new InputError(
    "BAD_EMBEDDER",
    `Cannot use embedder "${name}": its default export has no name, whole number of dimensions (1 to ${mostDimensions}) or function embed`,
    "See docs/examples/embedder.ts.",
  );
}

function isEmbedder(value: unknown): value is Embedder {
  if (typeof value !== "object" || value === null) return false;
  if (!("name" in value && "dimensions" in value && "embed" in value)) return false;
  const { name, dimensions, embed } = value;
  return (
    typeof name === "string" &&
    typeof dimensions === "number" &&
    Number.isInteger(dimensions) &&
    dimensions >= 1 &&
    dimensions <= mostDimensions &&
    typeof embed === "function"
  );
}

/** Embeds each request of a log as it is read, and keeps its vector alone. */
export class RequestVectors implements RequestSink {
  readonly #embedder: Embedder;
  #keys: number[] = [];
  #texts: string[] = [];
  #values = new Float32Array(0);
  /** Requests that had a text. */
  embedded = 0;

  constructor(embedder: Embedder) {
    this.#embedder = embedder;
  }

  get name(): string {
    return this.#embedder.name;
  }

  add(key: number, request: unknown): void {
    const text = textToRead(request);
    if (text === "") return;
    this.#keys.push(key);
    this.#texts.push(text);
  }

  /** @throws InputError BAD_EMBEDDER where the embedder fails, or gives what are no vectors of its dimensions */
  async flush(): Promise<void> {
    const keys = this.#keys;
    const texts = this.#texts;
    this.#keys = [];
    this.#texts = [];
    for (let from = 0; from < keys.length; from += batch) {
      const part = keys.slice(from, from + batch);
      const vectors = await this.#embed(texts.slice(from, from + batch));
      for (const [i, key] of part.entries()) {
        const vector = vectors.subarray(i * this.#embedder.dimensions, (i + 1) * this.#embedder.dimensions);
        normalise(vector);
        this.#grow(key + 1);
        this.#values.set(vector, key * this.#embedder.dimensions);
      }
      this.embedded += part.length;
    }
  }

  /** By key; of one without a text all zeros, which are like nothing. */
  of(keys: number): { values: Float32Array; dimensions: number } {
    this.#grow(keys);
    const { dimensions } = this.#embedder;
    return { values: this.#values.subarray(0, keys * dimensions), dimensions };
  }

  #grow(keys: number): void {
    const needed = keys * this.#embedder.dimensions;
    if (needed <= this.#values.length) return;
    const larger = new Float32Array(Math.max(needed, 2 * this.#values.length));
    larger.set(this.#values);
    this.#values = larger;
  }

  async #embed(texts: readonly string[]): Promise<Float32Array> {
    const { name, dimensions, embed } = this.#embedder;
    let vectors: Awaited<ReturnType<Embedder["embed"]>>;
    try {
      vectors = await embed.call(this.#embedder, texts);
    } catch (thrown) {
      throw new InputError(
        "BAD_EMBEDDER",
        `Cannot embed the log's requests: embedder "${name}" failed: ${reasonOf(thrown)}`,
        "It gets a list of texts, and gives a vector for each.",
        thrown,
      );
    }
    const values =
      vectors instanceof Float32Array ? Float32Array.from(vectors) : Float32Array.from(vectors.flat());
    if (values.length === texts.length * dimensions && values.every(Number.isFinite)) return values;
    throw new InputError(
      "BAD_EMBEDDER",
      `Cannot use the vectors of embedder "${name}": ${values.length} numbers are not ${texts.length} vectors of ${dimensions} finite ones`,
      "It must give a vector for each text, of the dimensions that it names.",
    );
  }
}
