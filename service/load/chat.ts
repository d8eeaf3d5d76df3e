import { SharedArray } from "k6/data";
import exec from "k6/execution";
import http, { type RefinedResponse } from "k6/http";
import { Counter, Trend } from "k6/metrics";
import { completionText, streamText } from "./answer-text.ts";
import { cumulativeShares, type Keys, keyAt } from "./keys.ts";
import { judge, type Truth } from "./oracle.ts";

const url = `${setting("BREAKWATER_URL")}/v1/chat/completions`;
const timeoutMs = Number(setting("BREAKWATER_TIMEOUT_MS"));
const seed = Number(setting("BREAKWATER_SEED"));
const keys: Keys = JSON.parse(setting("BREAKWATER_KEYS"));

const truth: Truth = {
  model: "llama-3-8b",
  modelVersion: "1",
  // The service keeps an answer fresh for 10 min and may give it for 1 h more while the model is gone; 10 s of margin.
  maxAgeMs: numberOr(4_210_000, "MAX_AGE_MS"),
};

/** One request in so many is streamed. */
const streamEvery = 20;

/** Who asks, with their keys, as in system.yaml. */
const most = { tenant: "harbour", key: "harbour-key" };
const few = { tenant: "mole", key: "mole-key" };
/** One request in so many is the second tenant's. Its questions are the first one's, so that a cache can mix them up. */
const fewEvery = 10;
/** The second tenant has so many questions of its own, few enough to be asked early. */
const fewKeys = 20;

/** Before one request in so many, both tenants withdraw all their answers; 0: never. */
const withdrawEvery = numberOr(0, "WITHDRAW_EVERY");
/**
 * With each request so many others are sent that nobody has asked before; 0: none. They are counted, not measured, and
 * nobody waits for them for long. They are the second tenant's, which then asks nothing else; or the first one's, of low priority.
 */
const flood = numberOr(0, "FLOOD");
const floodIsLow = isLow(__ENV["FLOOD_PRIORITY"]);
const floodTimeoutMs = 500;
/** k6's code of a request that was given up at its timeout: it reached the service all the same. */
const timedOut = 1050;

const topic =
  "a breakwater takes the storm so that the harbour behind it stays calm. What does it cost to build one in " +
  "deep water, who pays for it, and how is it known to hold before the first winter comes?";

const shares = new SharedArray<number>("cumulative shares of the keys", () => cumulativeShares(keys));
const requests = new Trend("breakwater_request", true);
const extra = new Counter("breakwater_extra");

/** Sends one request and reports it, as docs/load.md says. */
export default function chat(): void {
  const number = exec.scenario.iterationInTest;
  const asker = flood === 0 && number % fewEvery === fewEvery / 2 ? few : most;
  const drawn = keyAt(shares, seed, number);
  const question = `Question ${asker === few ? drawn % fewKeys : drawn}: ${topic}`;
  const stream = number % streamEvery === streamEvery - 1;
  const body = JSON.stringify({
    model: truth.model,
    messages: [{ role: "user", content: question }],
    temperature: 0,
    ...(stream ? { stream } : {}),
  });
  if (withdrawEvery > 0 && number % withdrawEvery === 0) withdraw();
  // Measured here, since k6's own timings are 0 where no connection came about.
  const beganAt = exec.instance.currentTestRunDuration;
  const response = http.post(url, body, {
    headers: headersOf(asker.key),
    timeout: timeoutMs,
  });
  const tookMs = exec.instance.currentTestRunDuration - beganAt;
  requests.add(tookMs, {
    status: String(response.status),
    ...inspect(response, asker.tenant, question, stream),
  });
  if (flood > 0) floodWith(number);
}

function withdraw(): void {
  for (const { key } of [most, few]) {
    http.post(`${setting("BREAKWATER_URL")}/v1/cache/invalidate`, JSON.stringify({ tenant: true }), {
      headers: headersOf(key),
      timeout: timeoutMs,
    });
  }
}

function floodWith(number: number): void {
  const headers = floodIsLow ? { ...headersOf(most.key), "x-priority": "low" } : headersOf(few.key);
  const params = { headers, timeout: floodTimeoutMs };
  const sent = http.batch(
    Array.from({ length: flood }, (_, index) => ({
      method: "POST",
      url,
      body: JSON.stringify({
        model: truth.model,
        messages: [{ role: "user", content: `Nobody asked ${number}.${index} before: ${topic}` }],
        temperature: 0,
      }),
      params,
    })),
  );
  // What got no connection was no load.
  extra.add(sent.filter(({ status, error_code }) => status > 0 || error_code === timedOut).length);
}

function headersOf(key: string): Record<string, string> {
  return { "content-type": "application/json", authorization: `Bearer ${key}` };
}

/** The tags of a request beside its status. */
function inspect(
  response: RefinedResponse<"text">,
  tenant: string,
  question: string,
  stream: boolean,
): Record<string, string> {
  const cache = header(response, "X-Cache") ?? "";
  const tags = {
    error: wireError(response),
    cache: ["hit", "miss", "bypass"].includes(cache) ? cache : "",
    answer: "",
  };
  if (tags.error !== "" || response.status < 200 || response.status > 299) return tags;
  const text = stream ? streamText(response.body) : completionText(response.body);
  if (stream && text === undefined) return { ...tags, error: "incomplete-stream" };
  const provenance = header(response, "X-Provenance");
  return { ...tags, answer: judge(truth, tenant, question, text, provenance, Date.now()) };
}

/** k6's code of what went wrong below HTTP; its codes 1400 to 1599 only repeat the status. */
function wireError({ error_code: code }: RefinedResponse<"text">): string {
  return code === 0 || (code >= 1400 && code <= 1599) ? "" : String(code);
}

/** k6 spells header names as Go does: `X-Cache`. */
function header(response: RefinedResponse<"text">, name: string): string | undefined {
  return response.headers[name];
}

function numberOr(otherwise: number, name: string): number {
  const text = __ENV[name];
  if (text === undefined) return otherwise;
  // `Number` takes an empty text for 0.
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isNaN(value)) throw new Error(`Cannot start the load: "${name}" is not a number`);
  return value;
}

/** What is not understood ends the script: it would be another load than the one that was asked for. */
function isLow(priority: string | undefined): boolean {
  if (priority !== undefined && priority !== "low")
    throw new Error('Cannot start the load: "FLOOD_PRIORITY" may be "low" only, or left out');
  return priority === "low";
}

function setting(name: string): string {
  const value = __ENV[name];
  if (value === undefined)
    throw new Error(`Cannot start the load: the environment lacks "${name}" (docs/load.md)`);
  return value;
}
