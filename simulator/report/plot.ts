import { escapeHtml } from "./escape-html.ts";

export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Dots without a line. */
  readonly dots?: boolean;
  /** An area about the line, from low to high at each x. */
  readonly band?: readonly (readonly [x: number, low: number, high: number])[];
}

export interface Plot {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly xLog: boolean;
  readonly series: readonly Series[];
  readonly showX: (value: number) => string;
  readonly showY: (value: number) => string;
}

const width = 860;
const leastHeight = 380;
const leastLeft = 76;
/** Beside the ticks: the label of the axis and what parts it from them. */
const besideTicks = 38;
/** The width of a digit, or a little more. */
const tickCharacter = 7;
const right = 290;
const legendStep = 17;
const top = 34;
const bottom = 54;
/** Okabe and Ito's palette, told apart by most people, then three more. */
const colours = [
  "#0072b2",
  "#d55e00",
  "#009e73",
  "#cc79a7",
  "#e69f00",
  "#56b4e9",
  "#000000",
  "#7f5f00",
  "#5f3dc4",
  "#868e96",
];
const dashes = ["", "6 3", "2 3"];

/** A plot as an SVG element. Points that are not finite (or not positive, on a logarithmic axis) are left out. */
export function plotSvg({ title, xLabel, yLabel, xLog, series, showX, showY }: Plot): string {
  const drawn = series
    .map((one) => ({
      ...one,
      points: one.points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y) && (!xLog || x > 0)),
    }))
    .filter(({ points }) => points.length > 0);
  const all = drawn.flatMap(({ points }) => points);
  if (all.length === 0) return "";
  const height = Math.max(leastHeight, top + drawn.length * legendStep + bottom);
  const scale = xLog ? Math.log10 : (value: number) => value;
  const [fromX, toX] = extent(all.map(([x]) => scale(x)));
  const ys = all.map(([, y]) => y);
  const [fromY, toY] = extent([0, ...ys]);
  const yTicks = ticks(fromY, toY).map((tick) => ({ tick, label: showY(tick) }));
  const left = Math.max(
    leastLeft,
    besideTicks + tickCharacter * Math.max(0, ...yTicks.map(({ label }) => label.length)),
  );
  const atX = (x: number) => left + ((scale(x) - fromX) / (toX - fromX)) * (width - left - right);
  const atY = (y: number) => height - bottom - ((y - fromY) / (toY - fromY)) * (height - top - bottom);
  const parts = [
    `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(title)}">`,
    `<text class="title" x="${left}" y="18">${escapeHtml(title)}</text>`,
  ];
  for (const { tick, label } of yTicks) {
    const y = atY(tick).toFixed(1);
    parts.push(`<line class="grid" x1="${left}" x2="${width - right}" y1="${y}" y2="${y}"/>`);
    parts.push(`<text x="${left - 8}" y="${y}" dy="4" text-anchor="end">${escapeHtml(label)}</text>`);
  }
  for (const tick of xLog ? decades(fromX, toX) : ticks(fromX, toX)) {
    const x = (left + ((tick - fromX) / (toX - fromX)) * (width - left - right)).toFixed(1);
    parts.push(`<line class="grid" x1="${x}" x2="${x}" y1="${top}" y2="${height - bottom}"/>`);
    const label = showX(xLog ? 10 ** tick : tick);
    parts.push(`<text x="${x}" y="${height - bottom + 18}" text-anchor="middle">${escapeHtml(label)}</text>`);
  }
  parts.push(
    `<text x="${(left + width - right) / 2}" y="${height - 12}" text-anchor="middle">${escapeHtml(xLabel)}</text>`,
    `<text transform="translate(14 ${(top + height - bottom) / 2}) rotate(-90)" text-anchor="middle">${escapeHtml(yLabel)}</text>`,
  );
  for (const [index, { name, points, dots, band = [] }] of drawn.entries()) {
    const colour = colours[index % colours.length] ?? "#000";
    const dash = dashes[Math.floor(index / colours.length) % dashes.length] ?? "";
    const at = points.map(([x, y]) => `${atX(x).toFixed(1)},${atY(y).toFixed(1)}`);
    if (band.length > 0) {
      const edge = (of: readonly (readonly [number, number])[]) =>
        of.map(([x, y]) => `${atX(x).toFixed(1)},${atY(y).toFixed(1)}`);
      const upper = edge(band.map(([x, , high]) => [x, high]));
      const lower = edge(band.map(([x, low]) => [x, low])).reverse();
      parts.push(
        `<polygon class="band" fill="${colour}" fill-opacity="0.2" points="${[...upper, ...lower].join(" ")}"/>`,
      );
    }
    if (dots !== true) {
      parts.push(
        `<polyline fill="none" stroke="${colour}" stroke-width="1.8" stroke-dasharray="${dash}" points="${at.join(" ")}"/>`,
      );
    }
    if (dots === true || points.length <= 24) {
      for (const [x, y] of points) {
        parts.push(
          `<circle cx="${atX(x).toFixed(1)}" cy="${atY(y).toFixed(1)}" r="${dots === true ? 3.5 : 2.2}" fill="${colour}"><title>${escapeHtml(`${name}: ${showX(x)}, ${showY(y)}`)}</title></circle>`,
        );
      }
    }
    const y = top + 10 + index * legendStep;
    parts.push(
      `<line x1="${width - right + 14}" x2="${width - right + 38}" y1="${y}" y2="${y}" stroke="${colour}" stroke-width="2.5" stroke-dasharray="${dash}"/>`,
      `<text x="${width - right + 44}" y="${y}" dy="4">${escapeHtml(name)}</text>`,
    );
  }
  parts.push("</svg>");
  return parts.join("");
}

function extent(values: readonly number[]): [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return high > low ? [low, high] : [low - 0.5, low + 0.5];
}

/** About five round numbers between two others. */
function ticks(from: number, to: number): number[] {
  const rough = (to - from) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  const first = Math.ceil(from / step);
  const last = Math.floor(to / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** Exponents of ten between two others; where fewer than two are, the ends. */
function decades(from: number, to: number): number[] {
  const whole = Array.from(
    { length: Math.max(0, Math.floor(to) - Math.ceil(from) + 1) },
    (_, i) => Math.ceil(from) + i,
  );
  return whole.length >= 2 ? whole : [from, to];
}
