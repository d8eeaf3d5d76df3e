/** A value in the two parts that it is stored in: what is said of it, as JSON, and its bytes as they are. */
export interface ValueParts {
  readonly meta: unknown;
  readonly bytes: Uint8Array;
}

/** What the tiers have to know of the values that they keep. */
export interface ValueKind<V> {
  toParts(value: V): ValueParts;
  /** Throws where the parts are not such a value's. Keeps no hold of `bytes`. */
  fromParts(parts: ValueParts): V;
  /** How many bytes there will be in its parts, without what is said of it. */
  storedBytes(value: V): number;
  /** About how many bytes it takes in this process's memory. */
  heapBytes(value: V): number;
  /** The same value, that nobody can change. */
  frozen(value: V): V;
}

const stringHeaderBytes = 16;

/**
 * About how many bytes V8 takes for a text: one a character where all are Latin-1, else two. Looking also makes
 * one string of a text that was put together from pieces, which would take a node a piece.
 */
export function textHeapBytes(text: string): number {
  return stringHeaderBytes + 8 * Math.ceil((isLatin1(text) ? text.length : 2 * text.length) / 8);
}

function isLatin1(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range begins with the first character
  return /^[\u0000-\u00ff]*$/.test(text);
}
