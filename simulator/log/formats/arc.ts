import type { Format } from "../format.ts";
import { lineReader } from "../lines.ts";

const mostBlocks = 1_000_000;

/**
 * Lists of the ARC authors (.lis): "first block, number of blocks, ignored, sequence number" a line; each of the
 * blocks is a request. No times, no sizes.
 *
 * Source: Megiddo and Modha, ARC: A Self-Tuning, Low Overhead Replacement Cache, FAST 2003.
 */
const arc: Format = {
  title: "list of block ranges (ARC)",
  matches: ({ lines }) =>
    lines.length > 0 && lines.slice(0, 100).every((line) => /^\s*\d+ \d+ \d+ \d+\s*$/.test(line)),
  open(builder, problems) {
    return lineReader(problems, (bytes, _view, from, to) => {
      const match = /^\s*(\d{1,15}) (\d{1,7}) \d+ \d+$/.exec(
        Buffer.from(bytes.subarray(from, to)).toString("latin1"),
      );
      const first = Number(match?.[1]);
      const count = Number(match?.[2]);
      if (match === null || count > mostBlocks) {
        problems.reject("is not four numbers: first block, number of blocks, ignored, sequence number");
        return;
      }
      for (let block = first; block < first + count; block++) {
        const row = builder.start();
        row.key = builder.keyOfInteger(block >>> 0, Math.floor(block / 2 ** 32));
        row.model = builder.models.idOfText("");
        builder.add();
      }
    });
  },
};
export default arc;
