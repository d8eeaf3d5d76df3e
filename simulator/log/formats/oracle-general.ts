import { binaryReader } from "../binary-records.ts";
import type { Format } from "../format.ts";

const recordBytes = 24;

/**
 * libCacheSim's oracleGeneral: records of 24 bytes, little-endian: time in seconds (u32), object id (u64), size
 * (u32), and the index of the object's next request (i64, -1 for none), which is computed anew here.
 *
 * Source: libCacheSim, traceReader/customizedReader/oracle.
 */
const oracleGeneral: Format = {
  title: "libCacheSim oracleGeneral trace",
  matches: ({ name, bytes, lines }) =>
    /oraclegeneral/i.test(name) || (lines.length === 0 && looksRight(bytes)),
  open(builder, problems) {
    return binaryReader(problems, recordBytes, (view, at) => {
      const row = builder.start();
      row.timeMs = 1000 * view.getUint32(at, true);
      row.key = builder.keyOfInteger(view.getUint32(at + 4, true), view.getUint32(at + 8, true));
      row.bytes = view.getUint32(at + 12, true);
      row.model = builder.models.idOfText("");
      builder.add();
    });
  },
};
export default oracleGeneral;

/** Times that never fall, sizes above 0, and next requests that come later. */
function looksRight(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const records = Math.min(Math.floor(bytes.length / recordBytes), 1000);
  let lastTime = 0;
  for (let i = 0; i < records; i++) {
    const time = view.getUint32(i * recordBytes, true);
    const next = view.getBigInt64(i * recordBytes + 16, true);
    if (time < lastTime || view.getUint32(i * recordBytes + 12, true) === 0) return false;
    if (next !== -1n && (next <= BigInt(i) || next > 1n << 40n)) return false;
    lastTime = time;
  }
  return records > 0;
}
