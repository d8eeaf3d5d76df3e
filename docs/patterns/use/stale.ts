import { standingOf } from "../../../service/answering/freshness.ts";
import { refreshes } from "../../../service/answering/refresh.ts";
import type { Entry } from "../../../service/cache/tier.ts";

let rendered = 0;
let isDown = false;
async function renderPage(name: string): Promise<string> {
  if (isDown) throw new Error("the renderer is down");
  return `${name} ${++rendered}`;
}
const stop = new AbortController();

// #region use
type Page = Pick<Entry<string>, "value" | "storedAt" | "freshForMs" | "computeMs">;
const pages = new Map<string, Page>();
/** Served at once for a minute longer, while it is made anew; where that fails, for an hour. */
const freshness = { revalidateMs: 60_000, staleMs: 3_600_000, earlyBeta: undefined };
const refreshBehind = refreshes({
  limit: 4,
  stopping: stop.signal,
  onResult: (reason, result) => console.log(`${reason}: ${result}`),
});

async function render(name: string): Promise<string> {
  const value = await renderPage(name);
  pages.set(name, { value, storedAt: Date.now(), freshForMs: 60_000, computeMs: 0 });
  return value;
}

async function page(name: string): Promise<string> {
  const known = pages.get(name);
  if (known === undefined) return render(name);
  const standing = standingOf(known, undefined, Date.now(), Math.random(), freshness);
  if (standing === "fresh") return known.value;
  if (standing === "revalidate") {
    refreshBehind(standing, () => render(name));
    return known.value;
  }
  if (standing === "useless") return render(name);
  return render(name).catch(() => known.value);
}
// #endregion use

/** As if a page had been stored so long ago. */
function age(name: string, ms: number): void {
  const known = pages.get(name);
  if (known !== undefined) pages.set(name, { ...known, storedAt: Date.now() - ms });
}
console.log(await page("home"));
age("home", 90_000);
console.log(await page("home"));
await new Promise(setImmediate);
console.log(await page("home"));
isDown = true;
age("home", 600_000);
console.log(await page("home"));
