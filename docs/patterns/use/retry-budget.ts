import { retry } from "../../../service/resilience/retry.ts";
import { retryBudget } from "../../../service/resilience/retry-budget.ts";

let requests = 0;
/** Stands for the shop, which is busy once. */
const fetch = async (_url: string, _options: { signal: AbortSignal }) =>
  requests++ === 0 ? new Response("", { status: 503 }) : new Response("tide");

// #region use
/** One for each dependency, over all calls of it. */
const shopBudget = retryBudget({ share: 0.2, burst: 10 });
class ShopBusy extends Error {}

/** Reads from the shop, within two seconds in all. */
async function readShop(url: string, caller: AbortSignal): Promise<string> {
  const endsAt = performance.now() + 2000;
  const again = retry(
    { attempts: 3, baseMs: 50, maxMs: 500 },
    {
      budget: shopBudget,
      retryAfterMs: (thrown) => (thrown instanceof ShopBusy ? 0 : undefined),
      turnedAway: () => false,
      remainingMs: () => endsAt - performance.now(),
      onDecision: (decision) => console.log(`shop: ${decision}`),
      random: Math.random,
    },
  );
  const read = again(async (signal) => {
    const response = await fetch(url, { signal });
    if (response.status === 503) throw new ShopBusy();
    return response.text();
  });
  return read(caller);
}
// #endregion use

console.log(await readShop("http://shop/", new AbortController().signal));
console.log(`${requests} requests`);
