/** The first dotted number in a text, such as `7.0.15`; undefined where there is none. */
export function firstVersion(text: string): string | undefined {
  return /\d+\.\d+(?:\.\d+)?/.exec(text)?.[0];
}

/** Below zero where `a` is the older of two dotted versions; `2.5` counts as older than `2.5.0`. */
export function compareVersions(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}
