import {
  breakEven,
  bytes,
  count,
  curvePoints,
  duration,
  noted,
  percent,
  ranged,
  span,
  timed,
  usd,
} from "./figures.ts";
import type { Report, ReportedStrategy, ReportedTimes } from "./report.ts";

/** The page for a terminal: what was read, what each kind of strategy reaches, what is advised, what was assumed. */
export function terminalReport(report: Report): string {
  const { log, strategies, advice, detail, failover } = report;
  const lines: string[] = [
    `${log.name}: ${count(log.requests)} requests (${log.format}) ${span(log)}, ${count(log.keys)} different${log.normalisedKeys < log.keys ? `, ${count(log.normalisedKeys)} when normalised` : ""}${log.blocks === null ? "" : `, ${count(log.blocks)} different prompt blocks`}`,
  ];
  if (log.malformed > 0) {
    lines.push(`${count(log.malformed)} malformed lines were left out: ${log.malformedExamples.join("; ")}`);
  }
  const notes = noted(report);
  if (notes !== "") lines.push(`Of the log's records: ${notes}`);
  if (report.prices !== null) lines.push(`Prices: ${report.prices.source}, ${report.prices.date}`);
  if (report.prices !== null && report.prices.unpricedRequests > 0) {
    lines.push(
      `No price for ${count(report.prices.unpricedRequests)} requests (${report.prices.unpricedModels.join(", ")}): they count as free`,
    );
  }
  if (log.columns !== null) {
    const map = Object.entries(log.columns).map(([field, column]) => `${field}=${column}`);
    lines.push(`Columns: ${map.join(",")} (others: --columns)`);
  }
  lines.push("", ...table(shown(report), report), "", ...curveLines(report));
  const recommended = advice.recommended === null ? undefined : strategies[advice.recommended];
  if (recommended === undefined)
    lines.push("Advice: no cache. No strategy that was tried gains more than it costs on this log.");
  else {
    lines.push(`Advice: ${recommended.label}`);
    lines.push(`  the smallest that reaches 95 % of the best ${advice.gainIs}, on the cautious reading`);
    if (recommended.usd !== undefined) {
      const { before, after, cache, netSaving } = recommended.usd;
      lines.push(
        `  model ${ranged(before, usd)} → ${ranged(after, usd)}, cache ${ranged(cache, usd)}, net saving ${ranged(netSaving, usd)}`,
        ...(cache.high === 0 ? [] : [`  ${breakEven(recommended)}`]),
      );
    }
    if (recommended.gpu !== undefined) {
      const { hoursBefore, hoursAfter, enginesBefore, enginesAfter } = recommended.gpu;
      lines.push(
        `  GPU hours ${hours(hoursBefore)} → ${ranged(hoursAfter, hours)}; engines at 70 % busy ${count(enginesBefore)} → ${ranged(enginesAfter, count)}`,
      );
    }
  }
  if (advice.knee !== null) lines.push(`  knee of the front: ${strategies[advice.knee]?.label ?? ""}`);
  if (advice.deployable !== null && advice.deployable !== advice.recommended) {
    lines.push(`  what the service can run (--write-config): ${strategies[advice.deployable]?.label ?? ""}`);
  }
  if (detail.timesBefore !== null) {
    const of = timed(report);
    lines.push("", ...timesTable(detail.timesBefore, detail.timesAfter), ...(of === "" ? [] : [`  ${of}`]));
  }
  for (const [name, times] of [
    ["Without a cache", detail.timesBefore],
    ["As advised", detail.timesAfter],
  ] as const) {
    // A queue that takes this long to empty after the last arrival had been growing.
    if ((times?.drainMs ?? 0) > 0.05 * log.spanMs) {
      lines.push(
        `${name} the engines do not keep up: the last answer comes ${duration(times?.drainMs ?? null)} after the last request, and times say only that`,
      );
    }
  }
  if (failover !== null) {
    lines.push(
      "",
      `Loss of ${failover.losses.join(", ")}: ${count(failover.extraMisses)} more requests to the model, ${count(failover.extraTokens)} more tokens${failover.extraUsd === null ? "" : `, ${usd(failover.extraUsd)}`}; nine tenths of it within ${duration(failover.ninetyPercentWithinMs)}`,
    );
  }
  lines.push("", "Assumed:", ...report.assumptions.map((line) => `  - ${line}`));
  return `${lines.join("\n")}\n`;
}

/** LRU at a size in each power of ten, and how far off that may be. */
function curveLines(report: Report): string[] {
  const points = curvePoints(report);
  if (points.length === 0) return [];
  const sampled = report.curve?.error !== null;
  return [
    `LRU by size${sampled ? ", from a sample of the keys (SHARDS), ± half the width of the 95 % interval" : ""}:`,
    `  ${points.map(({ size, hitShare, error }) => `${count(size)} entries ${percent(hitShare)}${error === undefined ? "" : ` ± ${percent(error)}`}`).join("; ")}`,
    "",
  ];
}

function hours(value: number | null): string {
  return value === null ? "–" : value.toPrecision(4);
}

/** The front, and whatever the advice names beside it. */
function shown({ strategies, advice }: Report): ReportedStrategy[] {
  const ids = new Set([...advice.front, advice.knee, advice.recommended, advice.deployable]);
  return strategies
    .filter(({ id }) => ids.has(id))
    .sort((a, b) => (a.memoryBytes.low ?? 0) - (b.memoryBytes.low ?? 0));
}

function table(rows: readonly ReportedStrategy[], report: Report): string[] {
  const hasUsd = rows.some((row) => row.usd !== undefined);
  const header = [
    "best for its memory",
    "memory",
    "by request",
    "by token",
    "by byte",
    ...(hasUsd ? ["net saving"] : []),
  ];
  const cells = rows.map((row) => [
    `${row.id === report.advice.recommended ? "* " : "  "}${row.label}`,
    ranged(row.memoryBytes, bytes),
    percent(row.hitShareByRequest),
    percent(row.hitShareByToken),
    percent(row.hitShareByByte),
    ...(row.usd === undefined ? [] : [ranged(row.usd.netSaving, usd)]),
  ]);
  return columns([header, ...cells]);
}

function timesTable(before: ReportedTimes, after: ReportedTimes | null): string[] {
  const row = (name: string, times: ReportedTimes): string[] => [
    name,
    ...[times.latency.p50Ms, times.latency.p95Ms, times.latency.p99Ms].map(duration),
    ...(times.firstToken === undefined
      ? []
      : [times.firstToken.p50Ms, times.firstToken.p95Ms, times.firstToken.p99Ms].map(duration)),
  ];
  const header = ["time of a request", "p50", "p95", "p99"];
  if (before.firstToken !== undefined) header.push("first token p50", "p95", "p99");
  return columns([
    header,
    row("  no cache", before),
    ...(after === null ? [] : [row("  as advised", after)]),
  ]);
}

/** Aligns cells: the first column to the left, figures to the right. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  }
  return rows.map((row) =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
}
