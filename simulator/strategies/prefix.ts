import type { RequestLog } from "../log/log.ts";
import { policies } from "../policies/catalog.ts";
import type { PrefixSpec } from "./spec.ts";
import { StrategyError } from "./strategy-error.ts";

/** Reuse of prompt blocks, as a KV cache with block hashes does it. One pool for all engines. */
export interface PrefixCache {
  request(row: number): void;
  /** Empties it. */
  lose(): void;
  /** By row: tokens of the leading blocks that were held; never more than the prompt. */
  readonly reusedTokens: Uint32Array;
  readonly reusedBlocks: Uint32Array;
}

/**
 * A prompt reuses its longest run of leading blocks that are held: a block behind a missing one is of no use. Then
 * all its blocks are put in (or touched) from the last to the first, so that a chain loses its end before its start.
 * Capacity is in whole blocks of the log's `tokensPerBlock`.
 *
 * @throws StrategyError `NOT_IN_LOG` where the log has no blocks
 */
export function createPrefixCache(
  log: RequestLog,
  { policy: name, capacityTokens }: PrefixSpec,
): PrefixCache {
  const { blocks } = log;
  if (blocks === undefined) {
    throw new StrategyError(
      "NOT_IN_LOG",
      `Cannot replay a prefix cache on log "${log.name}": it has no prompt blocks`,
      "Prompt blocks come with Mooncake-style logs, and with logs that hold the prompts' text.",
    );
  }
  if (name === "belady") {
    throw new StrategyError(
      "NOT_COMBINABLE",
      'Cannot bound a prefix cache by "belady": it is the bound for single keys, not for chains of blocks',
      "The bound of a prefix cache is one that holds every block.",
    );
  }
  const { start, ids, tokensPerBlock } = blocks;
  const capacity = Math.floor(capacityTokens / tokensPerBlock);
  if (capacity < 1) {
    throw new StrategyError(
      "NOT_COMBINABLE",
      `Cannot hold prompt blocks in ${capacityTokens} tokens: one block of log "${log.name}" has ${tokensPerBlock}`,
      `Take at least ${tokensPerBlock} tokens.`,
    );
  }
  const create = () => policies[name].create({ capacity, keys: blocks.blocks });
  let cache = create();
  const reusedTokens = new Uint32Array(log.rows);
  const reusedBlocks = new Uint32Array(log.rows);
  return {
    reusedTokens,
    reusedBlocks,
    request(row) {
      const from = start[row] as number;
      const to = start[row + 1] as number;
      let held = from;
      while (held < to && cache.has(ids[held] as number)) held += 1;
      for (let at = to - 1; at >= from; at--) cache.access(ids[at] as number);
      reusedBlocks[row] = held - from;
      reusedTokens[row] = Math.min((held - from) * tokensPerBlock, log.promptTokens[row] as number);
    },
    lose() {
      cache = create();
    },
  };
}
