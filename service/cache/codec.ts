import { crc32 } from "node:zlib";
import { z } from "zod";
import type { Entry } from "./tier.ts";

/** Bumped when the stored shape changes; see also the prefix in keys.ts. */
const version = 1;
const headerBytes = 5;

const stored = z.strictObject({
  content: z.string(),
  finishReason: z.string(),
  usage: z
    .strictObject({ prompt_tokens: z.number(), completion_tokens: z.number(), total_tokens: z.number() })
    .optional(),
  provenance: z.string().optional(),
  storedAt: z.number(),
});

/** One version byte, the CRC-32 of the rest (4 bytes, big-endian), then JSON in UTF-8. */
export function encode(entry: Entry): Buffer {
  const payload = Buffer.from(JSON.stringify({ ...entry.answer, storedAt: entry.storedAt }));
  const header = Buffer.alloc(headerBytes);
  header.writeUInt8(version, 0);
  header.writeUInt32BE(crc32(payload), 1);
  return Buffer.concat([header, payload]);
}

/** The entry, or undefined when the bytes are damaged, of another version, or not ours at all. */
export function decode(bytes: Buffer): Entry | undefined {
  if (bytes.length <= headerBytes || bytes.readUInt8(0) !== version) return undefined;
  const payload = bytes.subarray(headerBytes);
  if (crc32(payload) !== bytes.readUInt32BE(1)) return undefined;
  try {
    const { storedAt, content, finishReason, usage, provenance } = stored.parse(
      JSON.parse(payload.toString()),
    );
    return { storedAt, answer: { content, finishReason, usage, provenance } };
  } catch {
    return undefined;
  }
}
