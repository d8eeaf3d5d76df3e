import type { Report } from "./report.ts";

const header = [
  "id",
  "strategy",
  "requests",
  "l1_hits",
  "l2_hits",
  "joined",
  "hit_share_by_request",
  "hit_share_by_token",
  "hit_share_by_byte",
  "reused_blocks",
  "blocks",
  "memory_bytes_low",
  "memory_bytes_high",
  "usd_before_low",
  "usd_before_high",
  "usd_after_low",
  "usd_after_high",
  "usd_cache_low",
  "usd_cache_high",
  "usd_net_saving_low",
  "usd_net_saving_high",
  "break_even_hit_share_low",
  "break_even_hit_share_high",
  "on_front",
  "recommended",
];

/** One row a strategy (RFC 4180). A figure that is not known is an empty cell. */
export function csvReport({ strategies, advice }: Report): string {
  const front = new Set(advice.front);
  const rows = strategies.map((row) => [
    row.id,
    row.label,
    row.requests,
    row.l1Hits,
    row.l2Hits,
    row.joined,
    row.hitShareByRequest,
    row.hitShareByToken,
    row.hitShareByByte,
    row.reusedBlocks,
    row.blocks,
    row.memoryBytes.low,
    row.memoryBytes.high,
    row.usd?.before.low,
    row.usd?.before.high,
    row.usd?.after.low,
    row.usd?.after.high,
    row.usd?.cache.low,
    row.usd?.cache.high,
    row.usd?.netSaving.low,
    row.usd?.netSaving.high,
    row.usd?.breakEvenHitShare.low,
    row.usd?.breakEvenHitShare.high,
    front.has(row.id),
    row.id === advice.recommended,
  ]);
  return [header, ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

function cell(value: string | number | boolean | null | undefined): string {
  const text = value === null || value === undefined ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
