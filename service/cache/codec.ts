import { crc32 } from "node:zlib";
import { z } from "zod";
import type { Entry } from "./tier.ts";

/** Bumped when the stored shape changes; see also the prefix in keys.ts. */
const version = 2;
const headerBytes = 5;

const stored = z.strictObject({
  value: z.unknown(),
  storedAt: z.number(),
  freshForMs: z.number(),
  computeMs: z.number(),
  epoch: z.number(),
  scopes: z.array(z.string()),
});

/** How entries become bytes, and back. */
export interface EntryCodec<V> {
  encode(entry: Entry<V>): Buffer;
  /** The entry, or undefined when the bytes are damaged, of another version, or not ours at all. */
  decode(bytes: Buffer): Entry<V> | undefined;
}

/** One version byte, the CRC-32 of the rest (4 bytes, big-endian), then JSON in UTF-8. */
export function jsonCodec<V>(value: z.ZodType<V>): EntryCodec<V> {
  return {
    encode(entry) {
      const payload = Buffer.from(JSON.stringify(entry));
      const header = Buffer.alloc(headerBytes);
      header.writeUInt8(version, 0);
      header.writeUInt32BE(crc32(payload), 1);
      return Buffer.concat([header, payload]);
    },
    decode(bytes) {
      if (bytes.length <= headerBytes || bytes.readUInt8(0) !== version) return undefined;
      const payload = bytes.subarray(headerBytes);
      if (crc32(payload) !== bytes.readUInt32BE(1)) return undefined;
      try {
        const entry = stored.parse(JSON.parse(payload.toString()));
        return { ...entry, value: value.parse(entry.value) };
      } catch {
        return undefined;
      }
    },
  };
}
