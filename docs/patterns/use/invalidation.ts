import type { Entry } from "../../../service/cache/tier.ts";
import { createInvalidations } from "../../../service/invalidation/invalidations.ts";
import { entryScopes, tagScope } from "../../../service/invalidation/scopes.ts";

let rendered = 0;
async function renderPage(name: string): Promise<string> {
  return `${name} ${++rendered}`;
}

// #region use
const invalidations = createInvalidations({
  // With several processes: `redisMarks(client, …)`, a `poll()` each second, and each message to `hear()`.
  store: undefined,
  maxMarks: 10_000,
  maxMarksOfTenant: 1000,
  maxBlindMs: undefined,
  now: Date.now,
  clock: performance.now.bind(performance),
  onLearnt: (scope) => console.log(`gone: ${scope}`),
  onProblem: console.error,
});
const pages = new Map<string, Pick<Entry<string>, "value" | "epoch" | "scopes">>();

async function page(tenant: string, name: string, tags: readonly string[]): Promise<string> {
  const key = `${tenant} ${name}`;
  const known = pages.get(key);
  if (known !== undefined && invalidations.isCurrent(known)) return known.value;
  // Taken before making it begins: what is invalidated meanwhile is not served.
  const epoch = invalidations.epoch();
  const value = await renderPage(name);
  pages.set(key, { value, epoch, scopes: entryScopes({ tenant, model: "pages", key, tags }) });
  return value;
}
// #endregion use

const show = async () => console.log(await page("acme", "timetable", ["ferry"]));
await show();
await show();
await invalidations.invalidate([tagScope("acme", "bus")]);
await show();
await invalidations.invalidate([tagScope("acme", "ferry")]);
await show();
