import { drawFreshForMs, standingOf } from "../../../service/answering/freshness.ts";
import type { Entry } from "../../../service/cache/tier.ts";

let rendered = 0;
async function renderPage(name: string): Promise<string> {
  return `${name} ${++rendered}`;
}

// #region use
type Page = Pick<Entry<string>, "value" | "storedAt" | "freshForMs" | "computeMs">;
const pages = new Map<string, Page>();
const freshness = { revalidateMs: undefined, staleMs: 0, earlyBeta: 1 };

async function render(name: string): Promise<string> {
  const began = Date.now();
  const value = await renderPage(name);
  const storedAt = Date.now();
  const freshForMs = drawFreshForMs(60_000, 0.1, Math.random());
  pages.set(name, { value, storedAt, freshForMs, computeMs: storedAt - began });
  return value;
}

/** Served from the map while it is fresh; near its end one of many callers has it made anew, and waits for nothing. */
async function page(name: string): Promise<string> {
  const known = pages.get(name);
  if (known === undefined) return render(name);
  const standing = standingOf(known, undefined, Date.now(), Math.random(), freshness);
  if (standing === "early") void render(name).catch(console.error);
  return standing === "fresh" || standing === "early" ? known.value : render(name);
}
// #endregion use

console.log(await page("home"), await page("home"));
const [name, entry] = [...pages][0] ?? [];
// So dear that with 1 ms or more left of its time it is made anew.
if (name !== undefined && entry !== undefined) pages.set(name, { ...entry, computeMs: 1e15 });
console.log(await page("home"));
await new Promise(setImmediate);
console.log(await page("home"));
