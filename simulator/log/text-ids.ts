import { Hash128, noSalt, type Salt } from "./hash.ts";
import { Interner } from "./interner.ts";

const cacheSlots = 256;
const cachedWords = 8;

/** Dense ids for texts of which a log has few: tenants, models. */
export class TextIds {
  readonly texts: string[] = [];
  readonly #salts: Salt[] = [];
  readonly #ids = new Interner();
  readonly #byText = new Map<string, number>();
  readonly #hash = new Hash128();
  // The texts seen last, of up to 32 bytes: they are compared, not hashed.
  readonly #cachedLength = new Int32Array(cacheSlots).fill(-1);
  readonly #cachedId = new Int32Array(cacheSlots);
  readonly #cachedText = new Int32Array(cacheSlots * cachedWords);

  idOfText(text: string): number {
    const known = this.#byText.get(text);
    if (known !== undefined) return known;
    const id = this.#ids.idOf(this.#hash.ofText(text));
    if (id === this.texts.length) this.#add(text);
    this.#byText.set(text, id);
    return id;
  }

  /** The id of the UTF-8 text in [from, to). Up to 3 bytes after it are read, and do not count. */
  idOf(bytes: Uint8Array, view: DataView, from: number, to: number): number {
    const length = to - from;
    if (length === 0 || length > 4 * cachedWords) return this.#lookUp(bytes, view, from, to);
    const first = view.getInt32(from, true) & (length < 4 ? (1 << (8 * length)) - 1 : -1);
    const last = length < 4 ? first : view.getInt32(to - 4, true);
    const slot = Math.imul(Math.imul(first, 0x9e3779b1) ^ last ^ length, 0x85ebca6b) >>> 24;
    // The first and the last word may overlap; together with the words between they are the whole text.
    const text = this.#cachedText;
    let at = slot * cachedWords;
    let same = this.#cachedLength[slot] === length && text[at + cachedWords - 1] === last;
    for (let i = 0; same && i < length - 4; i += 4) same = text[at++] === view.getInt32(from + i, true);
    if (same) return this.#cachedId[slot] ?? 0;
    const id = this.#lookUp(bytes, view, from, to);
    at = slot * cachedWords;
    for (let i = 0; i < length - 4; i += 4) text[at++] = view.getInt32(from + i, true);
    text[slot * cachedWords + cachedWords - 1] = last;
    this.#cachedLength[slot] = length;
    this.#cachedId[slot] = id;
    return id;
  }

  #lookUp(bytes: Uint8Array, view: DataView, from: number, to: number): number {
    const id = this.#ids.idOf(this.#hash.of(view, from, to));
    if (id === this.texts.length) this.#add(Buffer.from(bytes.subarray(from, to)).toString("utf8"));
    return id;
  }

  /** The text, whose hash is the one made last. */
  #add(text: string): void {
    this.texts.push(text);
    this.#salts.push({ first: this.#hash.h1, second: this.#hash.h2 });
  }

  saltOf(id: number): Salt {
    return this.#salts[id] ?? noSalt;
  }
}
