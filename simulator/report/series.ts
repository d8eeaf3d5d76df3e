import type { Series } from "./plot.ts";
import type { Report, ReportedStrategy } from "./report.ts";

interface SpecShape {
  readonly answers?: {
    readonly match?: string;
    readonly tiers?: readonly { readonly policy?: string; readonly capacity?: number }[];
    readonly ttlMs?: number;
    readonly inclusion?: string;
    readonly replicas?: number;
    readonly semantic?: { readonly threshold?: number };
  };
  readonly prefix?: { readonly policy?: string; readonly capacityTokens?: number };
}

/** What a strategy is but for its size: strategies of one name make one line of a plot. */
function seriesName({ answers, prefix }: SpecShape): string {
  if (answers === undefined) return prefix === undefined ? "no cache" : `${prefix.policy}`;
  const tiers = answers.tiers ?? [];
  return [
    answers.match === "exact" ? "" : `${answers.match} `,
    tiers.map(({ policy }) => policy).join(` + ${answers.inclusion} `),
    answers.semantic === undefined ? "" : ` ≥ ${answers.semantic.threshold}`,
    answers.replicas === undefined || answers.replicas === 1 ? "" : ` × ${answers.replicas}`,
    answers.ttlMs === undefined ? "" : `, ttl ${answers.ttlMs / 1000} s`,
  ].join("");
}

/** Lines of hit share over size: of answer caches by request, of prefix caches by token. */
export function hitSeries({ strategies }: Report, of: "answers" | "prefix"): Series[] {
  const lines = new Map<string, [number, number][]>();
  for (const strategy of strategies) {
    const spec: SpecShape = strategy.spec;
    const isPrefix = spec.answers === undefined && spec.prefix !== undefined;
    if (isPrefix !== (of === "prefix")) continue;
    const size = isPrefix ? spec.prefix?.capacityTokens : spec.answers?.tiers?.at(-1)?.capacity;
    const share = isPrefix ? strategy.hitShareByToken : strategy.hitShareByRequest;
    if (size === undefined || share === null) continue;
    const name = seriesName(spec);
    lines.set(name, [...(lines.get(name) ?? []), [size, share]]);
  }
  return [...lines].map(([name, points]) => ({ name, points: points.sort(([a], [b]) => a - b) }));
}

/** Saving over memory: the net saving of all that was tried as dots, and the front, before the cache's cost, as a line. */
export function savingSeries({ strategies, advice }: Report): Series[] {
  const point = ({ memoryBytes, usd }: ReportedStrategy): [number, number][] =>
    usd === undefined || usd.netSaving.low === null || memoryBytes.high === null
      ? []
      : [[memoryBytes.high, usd.netSaving.low]];
  const front = advice.front.flatMap((id): [number, number][] => {
    const { usd, memoryBytes } = strategies[id] ?? {};
    const [size, saving] = [memoryBytes?.high ?? Number.NaN, usd?.saving.low ?? Number.NaN];
    return [[size, saving]];
  });
  return [
    { name: "net saving", points: strategies.flatMap(point), dots: true },
    { name: "front, gross", points: front },
  ];
}
