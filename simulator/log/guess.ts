import { type FormatName, formats } from "./catalog.ts";
import type { Format, Head } from "./format.ts";
import { isRecord } from "./usage.ts";

/** The format that a log with this beginning is most likely in. */
export function guessFormat(head: Head): FormatName | undefined {
  const entries = Object.entries(formats) as [FormatName, Format][];
  return entries.find(([, format]) => format.matches(head))?.[0];
}

/** @param name the file's name, .gz or .zst and all */
export function headOf(name: string, bytes: Uint8Array, whole: boolean): Head {
  const text = isText(bytes)
    ? Buffer.from(bytes)
        .toString("utf8")
        .replace(/^\uFEFF/, "")
    : undefined;
  const lines = text === undefined ? [] : text.split("\n");
  if (!whole && lines.length > 1) lines.pop();
  const known = lines.filter((line) => line.trim() !== "");
  return {
    name: name.replace(/\.(gz|zst)$/i, ""),
    bytes,
    whole,
    lines: known,
    firstObject: text === undefined ? undefined : firstObject(text, known),
  };
}

function isText(bytes: Uint8Array): boolean {
  return !bytes.some((byte) => byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d);
}

/** Malformed first lines happen (a log cut by rotation): the first whole object of a few lines is taken. */
function firstObject(text: string, lines: readonly string[]): Readonly<Record<string, unknown>> | undefined {
  const array = /^\s*\[/.test(text);
  const candidates = array ? elementStarts(text) : lines.slice(0, 10);
  for (const candidate of candidates) {
    try {
      const value: unknown = JSON.parse(candidate);
      if (isRecord(value)) return value;
    } catch {
      // Not this one.
    }
  }
  return undefined;
}

/** Texts that may be the first element of an array that is not all here: up to each closing brace in turn. */
function* elementStarts(text: string): Generator<string> {
  const start = text.indexOf("{");
  if (start < 0) return;
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const character = text[at];
    if (character === '"') {
      for (at++; at < text.length && text[at] !== '"'; at++) if (text[at] === "\\") at++;
    } else if (character === "{") depth++;
    else if (character === "}" && --depth === 0) {
      yield text.slice(start, at + 1);
      return;
    }
  }
}
