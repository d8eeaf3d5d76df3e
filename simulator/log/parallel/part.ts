import { ownWord } from "../hash.ts";
import type { Interner } from "../interner.ts";
import type { LogBuilder, TimeRange } from "../log-builder.ts";
import { LogError } from "../log-error.ts";
import type { Problems } from "../problems.ts";
import type { RowSegment } from "../row-segments.ts";

/** The things that a row names by dense ids which are hashes behind. */
const hashed = ["keys", "normalisedKeys", "clients", "blocks"] as const;
/** Those that are texts behind. */
const named = ["tenants", "models"] as const;
type Hashed = (typeof hashed)[number];
type Named = (typeof named)[number];

/**
 * What one thread has read of a log: rows with the thread's own ids, and what is behind the ids that it gave since its
 * part before. Only hashes, counts and names: no texts.
 */
export interface Part {
  readonly segments: readonly RowSegment[];
  readonly times: TimeRange;
  readonly blockIds: Uint32Array<ArrayBuffer>;
  /** Four words a hash. */
  readonly hashes: Readonly<Record<Hashed, Int32Array>>;
  readonly texts: Readonly<Record<Named, readonly string[]>>;
  readonly problems: Pick<Problems, "line" | "records" | "malformed" | "ruled" | "examples" | "skipped">;
  /** The thread has forgotten its ids before this part: they begin at 0 again. */
  readonly startsOver: boolean;
}

/** A thread's side: takes parts out of its builder. */
export class PartTaker {
  readonly #builder: LogBuilder;
  readonly #told = { keys: 0, normalisedKeys: 0, clients: 0, blocks: 0, tenants: 0, models: 0 };
  #isFirst = true;

  constructor(builder: LogBuilder) {
    this.#builder = builder;
  }

  /** The rows, ids and problems since the part before. */
  take(problems: Problems): Part {
    const { segments, times, blockIds } = this.#builder.takeRows();
    const hashesOf = (what: Hashed): Int32Array => {
      const ids: Interner = this.#builder[what];
      const hashes = ids.hashesFrom(this.#told[what]);
      this.#told[what] = ids.size;
      return hashes;
    };
    const textsOf = (what: Named): string[] => {
      const { texts } = this.#builder[what];
      const fresh = texts.slice(this.#told[what]);
      this.#told[what] = texts.length;
      return fresh;
    };
    const { line, records, malformed, ruled, examples, skipped } = problems;
    const startsOver = this.#isFirst;
    this.#isFirst = false;
    return {
      segments,
      times,
      blockIds,
      hashes: {
        keys: hashesOf("keys"),
        normalisedKeys: hashesOf("normalisedKeys"),
        clients: hashesOf("clients"),
        blocks: hashesOf("blocks"),
      },
      texts: { tenants: textsOf("tenants"), models: textsOf("models") },
      problems: { line, records, malformed, ruled, examples, skipped },
      startsOver,
    };
  }
}

/** The log's side, one for each thread: puts its parts into the one builder, under the builder's ids. */
export class PartMerger {
  readonly #builder: LogBuilder;
  readonly #problems: Problems;
  readonly #ids: Record<Hashed | Named, IdMap> = {
    keys: new IdMap(),
    normalisedKeys: new IdMap(),
    clients: new IdMap(),
    blocks: new IdMap(),
    tenants: new IdMap(),
    models: new IdMap(),
  };

  constructor(builder: LogBuilder, problems: Problems) {
    this.#builder = builder;
    this.#problems = problems;
  }

  /**
   * Parts must come in the order of the log: then every id is what one thread alone would have given.
   *
   * @throws LogError TOO_MANY_MODELS
   */
  merge(part: Part): void {
    const ids = this.#ids;
    if (part.startsOver) for (const map of Object.values(ids)) map.clear();
    for (const what of hashed) {
      const words = part.hashes[what];
      const all = this.#builder[what];
      for (let at = 0; at < words.length; at += 4) {
        const third = words[at + 2] ?? 0;
        const fourth = words[at + 3] ?? 0;
        ids[what].push(
          third === ownWord && fourth === ownWord
            ? this.#builder.keyOfItsOwn()
            : all.idOfWords(words[at] ?? 0, words[at + 1] ?? 0, third, fourth),
        );
      }
    }
    for (const what of named) {
      for (const text of part.texts[what]) ids[what].push(this.#builder[what].idOfText(text));
    }
    if (this.#builder.models.texts.length > 0x10000) {
      throw new LogError("TOO_MANY_MODELS", "Cannot read the log: it names more than 65,536 models");
    }
    for (const segment of part.segments) this.#translate(segment);
    for (const id of part.blockIds) this.#builder.blockIds.push(ids.blocks.of(id));
    this.#builder.addSegments(part.segments, part.times);
    this.#problems.add(part.problems);
  }

  #translate(segment: RowSegment): void {
    const { keys, normalisedKeys, clients, tenants, models } = this.#ids;
    keys.translate(segment.key);
    models.translate(segment.model);
    // A segment without tenants is all of the thread's first, which need not be the log's.
    if (segment.tenant === undefined && tenants.of(0) > 0) segment.tenant = new Uint32Array(segment.rows);
    if (segment.tenant !== undefined) tenants.translate(segment.tenant);
    if (segment.client !== undefined) clients.translateKnown(segment.client);
    if (segment.normalisedKey !== undefined) normalisedKeys.translateKnown(segment.normalisedKey);
    if (segment.nearestKey !== undefined) keys.translateKnown(segment.nearestKey);
  }
}

/** A thread's ids as the log's. */
class IdMap {
  #ids = new Uint32Array(1024);
  #length = 0;

  clear(): void {
    this.#length = 0;
  }

  push(id: number): void {
    if (this.#length === this.#ids.length) {
      const larger = new Uint32Array(2 * this.#length);
      larger.set(this.#ids);
      this.#ids = larger;
    }
    this.#ids[this.#length++] = id;
  }

  /** 0 for an id that the thread has not given: a log without any models or tenants gives none. */
  of(id: number): number {
    return id < this.#length ? (this.#ids[id] ?? 0) : 0;
  }

  translate(column: Uint32Array | Uint16Array): void {
    for (let i = 0; i < column.length; i++) column[i] = this.of(column[i] ?? 0);
  }

  /** As translate; what is below zero stays. */
  translateKnown(column: Int32Array): void {
    for (let i = 0; i < column.length; i++) {
      const id = column[i] ?? -1;
      if (id >= 0) column[i] = this.of(id);
    }
  }
}
