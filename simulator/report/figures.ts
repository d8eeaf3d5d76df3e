import { answeredFromCache } from "../log/problems.ts";
import type { Report, ReportedStrategy } from "./report.ts";

/** Figures as people read them. All take null or NaN for "not known". */
type Figure = number | null;

const unknown = "–";

function isKnown(value: Figure): value is number {
  return value !== null && Number.isFinite(value);
}

export function percent(share: Figure): string {
  if (!isKnown(share)) return unknown;
  const isTiny = share !== 0 && Math.abs(share) < 0.001;
  return `${isTiny ? (100 * share).toPrecision(1) : (100 * share).toFixed(1)} %`;
}

/** US dollars to the cent; below a dollar with enough digits to see something. */
export function usd(amount: Figure): string {
  if (!isKnown(amount)) return unknown;
  const size = Math.abs(amount);
  const digits = size >= 1 || size === 0 ? 2 : size >= 0.01 ? 4 : 6;
  return `${amount < 0 ? "-" : ""}$${size.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })}`;
}

/** One figure where both ends read the same, else both. */
export function ranged(
  { low, high }: { low: Figure; high: Figure },
  show: (value: Figure) => string,
): string {
  const [from, to] = [show(low), show(high)];
  return from === to ? from : `${from} to ${to}`;
}

export function bytes(count: Figure): string {
  if (!isKnown(count)) return unknown;
  for (const [unit, size] of [
    ["TiB", 2 ** 40],
    ["GiB", 2 ** 30],
    ["MiB", 2 ** 20],
    ["KiB", 2 ** 10],
  ] as const) {
    if (count >= size) return `${Number((count / size).toPrecision(3))} ${unit}`;
  }
  return `${Math.round(count)} B`;
}

/** In powers of ten, for the ticks of an axis in powers of ten. */
export function decimalBytes(count: Figure): string {
  if (!isKnown(count)) return unknown;
  for (const [unit, size] of [
    ["TB", 1e12],
    ["GB", 1e9],
    ["MB", 1e6],
    ["kB", 1e3],
  ] as const) {
    if (count >= size) return `${Number((count / size).toPrecision(3))} ${unit}`;
  }
  return `${Math.round(count)} B`;
}

export function duration(ms: Figure): string {
  if (!isKnown(ms)) return unknown;
  if (ms < 1) return `${ms.toPrecision(2)} ms`;
  if (ms < 1000) return `${ms.toPrecision(3)} ms`;
  if (ms < 120_000) return `${(ms / 1000).toPrecision(3)} s`;
  if (ms < 7_200_000) return `${(ms / 60_000).toPrecision(3)} min`;
  return `${(ms / 3_600_000).toPrecision(3)} h`;
}

/** How long the log is, where it says. */
export function span({ spanMs }: Report["log"]): string {
  return spanMs > 0 ? `over ${duration(spanMs)}` : "without times";
}

/** What the log's records were that are no requests, or known only in part. */
export function noted({ log: { notes } }: Report): string {
  return Object.entries(notes)
    .map(([reason, records]) => `${count(records)} × ${reason}`)
    .join("; ");
}

/** Of which requests the times are, where the log has none of some: the misses of a service that has a cache. */
export function timed({ log: { notes }, strategies, detail: { timesBefore } }: Report): string {
  const requests = strategies[0]?.requests ?? 0;
  if (timesBefore === null || timesBefore.latency.count === requests) return "";
  const cached = answeredFromCache in notes ? " (those that its own cache answered among them)" : "";
  return `both over the same ${count(timesBefore.latency.count)} of ${count(requests)} requests: for the others${cached} the log has no time of the model`;
}

/** From how many hits on a strategy pays for itself. */
export function breakEven({ spec, usd: money }: ReportedStrategy): string {
  if (money === undefined) return "";
  const by = "answers" in spec ? "by request" : "by token";
  return `it pays from a hit share of ${ranged(money.breakEvenHitShare, percent)} ${by} on, which saves ${ranged(money.breakEvenShare, percent)} of the model's cost`;
}

/** LRU's hit share at one size for each power of ten, and at the largest. */
export function curvePoints({ curve }: Report): { size: number; hitShare: number; error?: number }[] {
  if (curve === null) return [];
  const { sizes, missRatio, error } = curve;
  const last = sizes.length - 1;
  const chosen = sizes.keys().filter((at) => {
    const decade = (index: number) => Math.floor(Math.log10(sizes[index] ?? 1));
    return at === last || (at > 0 && decade(at) > decade(at - 1));
  });
  return [...chosen].map((at) => ({
    size: sizes[at] ?? 0,
    hitShare: 1 - (missRatio[at] ?? Number.NaN),
    ...(error === null ? {} : { error: error[at] ?? Number.NaN }),
  }));
}

export function count(value: Figure): string {
  return isKnown(value) ? value.toLocaleString("en-US") : unknown;
}
