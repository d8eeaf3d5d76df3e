/** One measured line of `npm run bench:simulator`. */
export interface BenchRow {
  readonly name: string;
  readonly value: number;
  /** The unit of `value`: "M req/s", "× JSON.parse", "s". */
  readonly unit: string;
  /** What the project set itself, on a machine with nothing else to do. */
  readonly goal?: { readonly atLeast: number } | { readonly atMost: number };
}

export function formatRow({ name, value, unit, goal }: BenchRow): string {
  const measured = `${name.padEnd(66)}${value.toFixed(value < 10 ? 2 : 1).padStart(8)} ${unit.padEnd(14)}`;
  if (goal === undefined) return measured.trimEnd();
  const met = "atLeast" in goal ? value >= goal.atLeast : value <= goal.atMost;
  const wanted = "atLeast" in goal ? `at least ${goal.atLeast}` : `at most ${goal.atMost}`;
  return `${measured} goal ${wanted}: ${met ? "met" : "MISSED"}`;
}
