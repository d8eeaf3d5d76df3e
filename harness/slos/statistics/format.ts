/** A share as a percentage with up to three decimals, rounded down: what misses a limit never reads as if it met it. */
export function formatShare(share: number): string {
  return `${Math.floor(share * 100_000 + 1e-6) / 1000}%`;
}

/** A duration with its unit, rounded up: what misses a limit never reads as if it met it. */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms)) return "∞";
  if (ms < 1000) return `${Math.ceil(ms * 10 - 1e-6) / 10} ms`;
  return `${Math.ceil(ms / 10 - 1e-6) / 100} s`;
}
