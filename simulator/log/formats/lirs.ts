import type { Format } from "../format.ts";
import { lineReader } from "../lines.ts";

/** A list of the LIRS authors: one block number a line; a line with * is a marker. No times, no sizes. */
const lirs: Format = {
  title: "list of block numbers (LIRS)",
  matches: ({ lines }) =>
    lines.length > 0 && lines.slice(0, 100).every((line) => /^\s*(\d+|\*)?\s*$/.test(line)),
  open(builder, problems) {
    return lineReader(problems, (bytes, _view, from, to) => {
      const text = Buffer.from(bytes.subarray(from, to)).toString("latin1").trim();
      if (text === "*") {
        problems.note("marker");
        return;
      }
      if (!/^\d{1,15}$/.test(text)) {
        problems.reject("is not a block number");
        return;
      }
      const block = Number(text);
      const row = builder.start();
      row.key = builder.keyOfInteger(block >>> 0, Math.floor(block / 2 ** 32));
      row.model = builder.models.idOfText("");
      builder.add();
    });
  },
};
export default lirs;
