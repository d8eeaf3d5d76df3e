import { escapeHtml } from "./escape-html.ts";
import {
  breakEven,
  bytes,
  count,
  decimalBytes,
  duration,
  noted,
  percent,
  ranged,
  span,
  timed,
  usd,
} from "./figures.ts";
import { plotSvg } from "./plot.ts";
import type { Report, ReportedStrategy, ReportedTimes } from "./report.ts";
import { hitSeries, savingSeries } from "./series.ts";

const style = `
body { font: 15px/1.5 system-ui, sans-serif; color: #1b1f24; background: #fff; max-width: 1080px; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2.2rem }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { text-align: right; padding: .25rem .6rem; border-bottom: 1px solid #e3e6ea } th:first-child, td:first-child { text-align: left }
tr.chosen { background: #e8f4ee; font-weight: 600 }
svg { width: 100%; max-width: 960px; height: auto; display: block; margin: 1rem 0 } svg text { font: 12px system-ui, sans-serif; fill: #1b1f24 } svg .title { font-weight: 600; font-size: 14px } svg .grid { stroke: #e3e6ea }
.advice { border-left: 4px solid #009e73; padding: .4rem 1rem; background: #f4faf7 } .note { color: #57606a }
`;

/** The page as one file: no script, nothing loaded from elsewhere. */
export function htmlReport(report: Report): string {
  const { log, strategies, prices } = report;
  const notes = noted(report);
  const sections = [
    `<h1>What would a cache save on ${escapeHtml(log.name)}?</h1>`,
    `<p>${count(log.requests)} requests (${escapeHtml(log.format)}) ${span(log)}${
      log.columns === null
        ? ""
        : `, columns ${escapeHtml(
            Object.entries(log.columns)
              .map(([field, column]) => `${field}=${column}`)
              .join(", "),
          )}`
    }; ${count(log.keys)} different, ${count(log.normalisedKeys)} when normalised${log.blocks === null ? "" : `; ${count(log.blocks)} different prompt blocks`}. ${log.malformed === 0 ? "" : `${count(log.malformed)} malformed lines were left out.`}${notes === "" ? "" : ` Of the log's records: ${escapeHtml(notes)}.`}</p>`,
    prices === null
      ? ""
      : `<p class="note">Prices: ${escapeHtml(prices.source)}, ${escapeHtml(prices.date)}. Infrastructure: ${escapeHtml(report.infrastructure.source)}, ${escapeHtml(report.infrastructure.date)}.${prices.unpricedRequests === 0 ? "" : ` No price for ${count(prices.unpricedRequests)} requests (${escapeHtml(prices.unpricedModels.join(", "))}): they count as free.`}</p>`,
    adviceSection(report),
    hitSection(report),
    costSection(report),
    latencySection(report),
    failoverSection(report),
    `<h2>All strategies</h2>${strategyTable(strategies, report)}`,
    `<h2>Assumed</h2><ul>${report.assumptions.map((line) => `<li>${escapeHtml(line)}</li>`).join("")}</ul>`,
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Cache simulation of ${escapeHtml(log.name)}</title>
<style>${style}</style>
</head>
<body>
${sections.filter((section) => section !== "").join("\n")}
</body>
</html>
`;
}

function adviceSection({ advice, strategies }: Report): string {
  const recommended = advice.recommended === null ? undefined : strategies[advice.recommended];
  const front = advice.front.flatMap((id) => strategies[id] ?? []);
  if (recommended === undefined) {
    return '<h2>Advice</h2><p class="advice">No cache: no strategy that was tried gains more than it costs on this log.</p>';
  }
  const money =
    recommended.usd === undefined
      ? ""
      : ` Net saving ${ranged(recommended.usd.netSaving, usd)} of ${ranged(recommended.usd.before, usd)}${recommended.usd.cache.high === 0 ? "" : `; ${breakEven(recommended)}`}.`;
  const others = [
    advice.knee === null ? "" : `Knee of the front: ${escapeHtml(strategies[advice.knee]?.label ?? "")}.`,
    advice.deployable === null
      ? ""
      : `What the reference service can run: ${escapeHtml(strategies[advice.deployable]?.label ?? "")}.`,
  ];
  return `<h2>Advice</h2><p class="advice"><strong>${escapeHtml(recommended.label)}</strong>: the smallest that reaches 95 % of the best ${advice.gainIs}, on the cautious reading.${money}<br>${others.join(" ")}</p>
<h2>Best for their memory</h2>${strategyTable(front, { advice })}`;
}

function hitSection(report: Report): string {
  const plots = [
    plotSvg({
      title: "Answers served from the cache",
      xLabel: "size of the cache (of the last tier), in its unit",
      yLabel: "share of requests",
      xLog: true,
      series: [...hitSeries(report, "answers"), ...curveSeries(report)],
      showX: (value) => count(Math.round(value)),
      showY: percent,
    }),
    plotSvg({
      title: "Tokens saved by a prefix cache",
      xLabel: "size of the cache, in tokens",
      yLabel: "share of all tokens, answers included",
      xLog: true,
      series: hitSeries(report, "prefix"),
      showX: (value) => count(Math.round(value)),
      showY: percent,
    }),
  ];
  return plots.every((plot) => plot === "") ? "" : `<h2>Hit share over size</h2>${plots.join("")}`;
}

function curveSeries({ curve }: Report) {
  if (curve === null) return [];
  const points = curve.sizes.map((size, i) => [size, 1 - (curve.missRatio[i] ?? Number.NaN)] as const);
  const { error } = curve;
  if (error === null) return [{ name: "lru, every size", points }];
  const band = points.map(([x, y], i): [number, number, number] => {
    const half = error[i] ?? 0;
    return [x, Math.max(0, y - half), Math.min(1, y + half)];
  });
  return [{ name: "lru, sampled, with its 95 % interval", points, band }];
}

function costSection(report: Report): string {
  const { amountsBefore, amountsAfter } = report.detail;
  const plot = plotSvg({
    title: "Saving over the log",
    xLabel: "memory of the cache",
    yLabel: "US dollars, cautious reading",
    xLog: true,
    series: savingSeries(report),
    showX: decimalBytes,
    showY: usd,
  });
  const rows =
    amountsBefore === null
      ? ""
      : `<table><tr><th>paid for (low prices, cautious reading)</th><th>no cache</th><th>as advised</th></tr>${(
          [
            ["input", "input"],
            ["cachedInput", "input from the provider's or the prefix cache"],
            ["cacheWrite", "writing to that cache"],
            ["output", "output"],
          ] as const
        )
          .map(
            ([kind, name]) =>
              `<tr><td>${name}</td><td>${usd(amountsBefore[kind])}</td><td>${amountsAfter === null ? "–" : usd(amountsAfter[kind])}</td></tr>`,
          )
          .join("")}</table>`;
  return plot === "" && rows === "" ? "" : `<h2>Cost</h2>${rows}${plot}`;
}

function latencySection(report: Report): string {
  const { timesBefore, timesAfter } = report.detail;
  if (timesBefore === null) return "";
  const points = ({ percentilesMs }: ReportedTimes["latency"]) =>
    percentilesMs.map((ms, percentile) => [ms ?? Number.NaN, percentile / 100] as const);
  const row = (name: string, { latency, firstToken }: ReportedTimes) =>
    `<tr><td>${name}</td>${[latency.p50Ms, latency.p95Ms, latency.p99Ms, ...(firstToken === undefined ? [] : [firstToken.p50Ms, firstToken.p95Ms, firstToken.p99Ms])].map((ms) => `<td>${duration(ms)}</td>`).join("")}</tr>`;
  const first =
    timesBefore.firstToken === undefined ? "" : "<th>first token p50</th><th>p95</th><th>p99</th>";
  const of = timed(report);
  const plot = plotSvg({
    title: "Time of a request, from arrival to the last token",
    xLabel: "time",
    yLabel: "share of requests that take no longer",
    xLog: true,
    series: [
      { name: "no cache", points: points(timesBefore.latency) },
      ...(timesAfter === null ? [] : [{ name: "as advised", points: points(timesAfter.latency) }]),
    ],
    showX: duration,
    showY: percent,
  });
  return `<h2>Latency</h2><table><tr><th></th><th>p50</th><th>p95</th><th>p99</th>${first}</tr>${row("no cache", timesBefore)}${timesAfter === null ? "" : row("as advised", timesAfter)}</table>${of === "" ? "" : `<p class="note">${escapeHtml(of)}</p>`}${plot}`;
}

function failoverSection({ failover }: Report): string {
  if (failover === null) return "";
  return `<h2>What a loss costs</h2><p>Loss of ${escapeHtml(failover.losses.join(", "))}: ${count(failover.extraMisses)} more requests to the model, ${count(failover.extraTokens)} more tokens${failover.extraUsd === null ? "" : `, ${usd(failover.extraUsd)}`}; nine tenths of it within ${duration(failover.ninetyPercentWithinMs)}.</p>`;
}

function strategyTable(rows: readonly ReportedStrategy[], { advice }: Pick<Report, "advice">): string {
  const cells = rows.map(
    (row) =>
      `<tr${row.id === advice.recommended ? ' class="chosen"' : ""}><td>${escapeHtml(row.label)}</td><td>${ranged(row.memoryBytes, bytes)}</td><td>${percent(row.hitShareByRequest)}</td><td>${percent(row.hitShareByToken)}</td><td>${percent(row.hitShareByByte)}</td><td>${row.usd === undefined ? "–" : ranged(row.usd.netSaving, usd)}</td></tr>`,
  );
  return `<table><tr><th>strategy</th><th>memory</th><th>hits by request</th><th>by token</th><th>by byte</th><th>net saving</th></tr>${cells.join("")}</table>`;
}
