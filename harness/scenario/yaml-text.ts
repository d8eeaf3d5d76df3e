import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
  type YAMLMap,
} from "yaml";
import { reasonOf } from "../errors.ts";

/** Where in a text something stands; both count from 1. */
interface Place {
  readonly line: number;
  readonly column: number;
}

/** A mistake in a file, and where it stands. */
export interface Problem extends Place {
  readonly message: string;
}

interface YamlText {
  /** The text as plain data; undefined where it cannot be understood at all, and then there are problems. */
  readonly input: unknown;
  /** What is wrong with the text as YAML. */
  readonly problems: readonly Problem[];
  /**
   * Where a value stands, or its key. For what is not there: the key of the innermost part that is, as that is
   * where it has to be added.
   */
  place(path: readonly PropertyKey[], of: "key" | "value"): Place;
}

/** Enough for any file written by a person; a text that expands to more than it says is an attack. */
const maxAliases = 100;

/** Reads one YAML document, keeping the place of each part. Never throws for what is in the text. */
export function parseYaml(text: string): YamlText {
  const lines = new LineCounter();
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  // The library's own check for repeated keys takes time with the square of their number: 2 s for 20,000.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  const problems: Problem[] = [...document.errors, ...document.warnings].map((error) => ({
    message: error.message,
    ...placeAt(error.pos[0]),
  }));
  const pairsByKey: PairsByKey = new WeakMap();
  const place: YamlText["place"] = (path, of) => placeAt(offsetOf(document, path, of, pairsByKey));
  if (problems.length > 0) return { input: undefined, problems, place };
  for (const { key, offset, firstOffset } of repeatedKeys(document)) {
    const first = placeAt(firstOffset);
    problems.push({ message: `key "${key}" stands already in line ${first.line}`, ...placeAt(offset) });
  }
  try {
    return { input: document.toJS({ maxAliasCount: maxAliases }), problems, place };
  } catch (error) {
    problems.push({ message: reasonOf(error), line: 1, column: 1 });
    return { input: undefined, problems, place };
  }
}

interface RepeatedKey {
  readonly key: string;
  readonly offset: number;
  readonly firstOffset: number;
}

function repeatedKeys(document: Document): RepeatedKey[] {
  const repeated: RepeatedKey[] = [];
  visit(document, {
    Map(_, map) {
      const seen = new Map<string, number>();
      for (const pair of map.items) {
        const key = keyOf(pair);
        const offset = startOf(pair.key) ?? 0;
        const firstOffset = seen.get(key);
        if (firstOffset === undefined) seen.set(key, offset);
        else repeated.push({ key, offset, firstOffset });
      }
    },
  });
  return repeated;
}

/** Finds a map's pair by its key; with a repeated key the last, whose value counts. Kept, as maps may be large. */
type PairsByKey = WeakMap<YAMLMap, ReadonlyMap<string, Pair>>;

function offsetOf(
  document: Document,
  path: readonly PropertyKey[],
  of: "key" | "value",
  pairsByKey: PairsByKey,
): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  let keyOffset = offset;
  for (const step of path) {
    const part = child(resolved(node, document), step, pairsByKey);
    if (part === undefined) return keyOffset;
    node = isPair(part) ? part.value : part;
    offset = startOf(node) ?? startOf(isPair(part) ? part.key : part) ?? offset;
    keyOffset = isPair(part) ? (startOf(part.key) ?? offset) : offset;
  }
  return of === "key" ? keyOffset : offset;
}

function child(node: unknown, step: PropertyKey, pairsByKey: PairsByKey): Node | Pair | undefined {
  if (isSeq<Node>(node)) return node.items[Number(step)];
  if (!isMap(node)) return undefined;
  const pairs = pairsByKey.get(node) ?? new Map(node.items.map((pair) => [keyOf(pair), pair]));
  pairsByKey.set(node, pairs);
  return pairs.get(String(step));
}

function resolved(node: unknown, document: Document): unknown {
  return isAlias(node) ? node.resolve(document) : node;
}

function keyOf(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
}

function startOf(node: unknown): number | undefined {
  if (typeof node !== "object" || node === null || !("range" in node)) return undefined;
  return Array.isArray(node.range) && typeof node.range[0] === "number" ? node.range[0] : undefined;
}
