import { binaryReader } from "../binary-records.ts";
import type { Format, LogReader } from "../format.ts";

/** Where version 1 and 2 of the record keep what is read here. */
const layouts = {
  1: { recordBytes: 32, size: 4, version: 14, block: 16, timeUs: 24 },
  2: { recordBytes: 40, size: 8, version: 2, block: 16, timeUs: 24 },
};
type Layout = (typeof layouts)[1];

/**
 * VMware's vSCSI traces, version 1 and 2, little-endian: one request for a disk's block a record; its key is the
 * block's address. Times in microseconds.
 *
 * Source: libCacheSim, traceReader/customizedReader/vscsi.h.
 */
const vscsi: Format = {
  title: "vSCSI trace",
  matches: ({ bytes, lines }) => lines.length === 0 && layoutOf(bytes) !== undefined,
  open(builder, problems) {
    let reader: LogReader | undefined;
    return {
      read(block) {
        const layout = layoutOf(block.bytes.subarray(block.from, block.to)) ?? layouts[1];
        reader ??= binaryReader(problems, layout.recordBytes, (view, at) => {
          const row = builder.start();
          row.timeMs = Number(view.getBigUint64(at + layout.timeUs, true)) / 1000;
          row.key = builder.keyOfInteger(
            view.getUint32(at + layout.block, true),
            view.getUint32(at + layout.block + 4, true),
          );
          row.bytes = view.getUint32(at + layout.size, true);
          row.model = builder.models.idOfText("");
          builder.add();
        });
        return reader.read(block);
      },
    };
  },
};
export default vscsi;

/** The high byte of each record's version field tells. */
function layoutOf(bytes: Uint8Array): Layout | undefined {
  const records = 5;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (const version of [1, 2] as const) {
    const layout = layouts[version];
    if (bytes.length < records * layout.recordBytes) continue;
    let same = 0;
    for (let i = 0; i < records; i++) {
      if (view.getUint16(i * layout.recordBytes + layout.version, true) >>> 8 === version) same++;
    }
    if (same === records) return layout;
  }
  return undefined;
}
