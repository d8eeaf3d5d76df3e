import { entryCodec } from "../../../service/cache/codec.ts";
import { textHeapBytes, type ValueKind } from "../../../service/cache/value-kind.ts";

// #region use
/** Pages are plain texts. */
const page: ValueKind<string> = {
  toParts: (text) => ({ meta: {}, bytes: Buffer.from(text) }),
  fromParts: ({ bytes }) => Buffer.from(bytes).toString(),
  storedBytes: (text) => Buffer.byteLength(text),
  heapBytes: textHeapBytes,
  frozen: (text) => text,
};
const codec = entryCodec(page, { compressFromBytes: 4096, maxValueBytes: 262_144 }, (plain, stored) =>
  console.log(plain > stored ? "compressed" : "as it is"),
);
// #endregion use

const entry = { storedAt: Date.now(), freshForMs: 60_000, computeMs: 0, epoch: 0, scopes: [] };
const bytes = codec.encode({ ...entry, value: "tide ".repeat(2000) });
const read = codec.decode(bytes);
console.log("entry" in read ? `${read.entry.value.length} characters` : read.damage);
bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
const damaged = codec.decode(bytes);
console.log("entry" in damaged ? "read" : damaged.damage);
