import { flights } from "../../../service/answering/coalesce.ts";

let pagesMade = 0;
async function renderPage(name: string, _signal: AbortSignal): Promise<string> {
  pagesMade++;
  return `${name} ${pagesMade}`;
}

// #region use
const pages = flights<string>();

/** A page that is being made is waited for. When the last caller has left, `signal` is aborted. */
function page(name: string, caller: AbortSignal): Promise<string> {
  const making = pages.find(name) ?? pages.begin(name, undefined, (_, signal) => renderPage(name, signal));
  return making.join(caller);
}
// #endregion use

const { signal } = new AbortController();
console.log(...(await Promise.all([page("tides", signal), page("tides", signal)])));
console.log(await page("tides", signal));
