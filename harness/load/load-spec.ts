/** The load that a run asks for; a plan's `load` is one. */
export interface LoadSpec {
  /** Absolute path of the k6 script. */
  readonly script: string;
  /** Arrivals per second; they do not wait for answers. */
  readonly ratePerS: number;
  readonly keys: {
    readonly distribution: "zipf" | "uniform";
    readonly exponent: number;
    readonly count: number;
  };
  /** Time that a request may take before the load generator gives it up. */
  readonly timeoutMs: number;
  /** The script's own settings. */
  readonly env: Readonly<Record<string, string>>;
  /** The names of all settings that the script knows: it has those in `env` from there, and of the others none. */
  readonly reads: readonly string[];
  /** So many requests can be under way before an arrival is dropped. */
  readonly vus: number;
  readonly durationMs: number;
}
