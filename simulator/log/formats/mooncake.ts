import type { Format } from "../format.ts";
import { Hash128 } from "../hash.ts";
import { jsonReader } from "../json/records.ts";
import { countOf } from "../usage.ts";

/** The block size of the released traces (FAST'25 paper of Mooncake). */
const tokensPerBlock = 512;

/**
 * Mooncake's traces: {"timestamp": ms, "input_length": …, "output_length": …, "hash_ids": […]}, each id the hash
 * of a 512-token block and all before it. A prompt's key is its chain of blocks and its length: two prompts that
 * differ only within the last block count as one.
 *
 * Source: kvcache-ai/Mooncake, FAST25-release.
 */
const mooncake: Format = {
  title: "Mooncake trace of prompts in hashed blocks",
  matches: ({ firstObject: object }) => Array.isArray(object?.hash_ids),
  open(builder, problems) {
    const hash = new Hash128();
    builder.tokensPerBlock = tokensPerBlock;
    return jsonReader(problems, (record) => {
      const ids: unknown = record.hash_ids;
      const timeMs = record.timestamp;
      if (!Array.isArray(ids) || typeof timeMs !== "number") {
        problems.reject('has no "timestamp" (a number) or "hash_ids" (an array)');
        return;
      }
      const row = builder.start();
      row.timeMs = timeMs;
      row.model = builder.models.idOfText("");
      row.promptTokens = countOf(record.input_length);
      row.outputTokens = countOf(record.output_length);
      row.key = builder.keys.idOf(hash.ofText(`${row.promptTokens}:${ids.join()}`));
      for (const id of ids) builder.addBlockId(builder.blockId(blockHash(hash, id)));
      builder.add();
    });
  },
};
export default mooncake;

function blockHash(hash: Hash128, id: unknown): Hash128 {
  return typeof id === "number"
    ? hash.ofInteger(id | 0, Math.floor(id / 2 ** 32) | 0)
    : hash.ofText(String(id));
}
