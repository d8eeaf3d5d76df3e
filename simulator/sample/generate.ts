/*
 * Writes the sample log that the simulator runs on without arguments: node simulator/sample/generate.ts
 *
 * Everything in it is made up, and the same on every run. Two support desks ask questions by a Zipf law, each
 * under a long system prompt of its own; a third of them name an order and seldom come again; about one question in five is a near-duplicate (other case, other
 * words); a part are follow-ups that repeat the conversation. Arrivals are busier by day.
 */
import { writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";

const rows = 4000;
const startMs = Date.UTC(2026, 10, 16);
const spanMs = 24 * 3_600_000;

interface Message {
  readonly role: string;
  readonly content: string;
}
interface Body {
  readonly model: string;
  readonly messages: readonly Message[];
  readonly temperature: number;
}

const products = [
  "router",
  "kettle",
  "printer",
  "bicycle",
  "camera",
  "tent",
  "heater",
  "keyboard",
  "drone",
  "mixer",
];
const questions = [
  "How do I reset my {p} to its factory settings?",
  "My {p} makes a strange noise. What should I do?",
  "What does the warranty of the {p} cover?",
  "Where can I find the serial number of my {p}?",
  "Can I return a {p} that I have used for a week?",
  "Which cable fits the {p}?",
  "The {p} does not switch on any more. How can I repair it?",
  "How long does the {p} take to arrive in Norway?",
  "Is there a lighter version of the {p}?",
  "How do I clean the {p} without scratching it?",
  "What is the difference between this year's {p} and the last?",
  "Does the {p} work at minus ten degrees?",
];
const desks = [
  {
    tenant: "outdoor",
    model: "gpt-4o-mini",
    system: `You answer for the outdoor desk of a shop. ${"Be brief, name the part and the page of the manual, and never promise a date. ".repeat(14)}`,
  },
  {
    tenant: "household",
    model: "claude-haiku-4-5",
    system: `You answer for the household desk of a shop. ${"Ask for the model's number first, warn of mains voltage, and stay friendly. ".repeat(24)}`,
  },
];

/** The sample's lines. */
export function sampleLog(): string {
  const random = mulberry32(20261116);
  const catalogue = products.flatMap((product) =>
    questions.map((question) => question.replace("{p}", product)),
  );
  const zipf = cumulativeZipf(catalogue.length, 0.9);
  const asked = new Map<string, Body>();
  const lines: string[] = [];

  for (const offsetMs of arrivals(random)) {
    const desk = desks[random() < 0.6 ? 0 : 1];
    if (desk === undefined) continue;
    const draw = random();
    const rank = zipf.findIndex((share) => share >= draw);
    const known = catalogue[(rank * 37) % catalogue.length] ?? "";
    const question =
      random() < 0.35 ? `Where is my order ${10_000 + Math.floor(60_000 * random() ** 2)}?` : known;
    const first = body(desk, [{ role: "user", content: question }]);
    const canonical = `${desk.tenant} ${question}`;
    let request = first;
    let nearest: Body | undefined;
    let similarity = 0;
    const kind = random();
    if (kind < 0.1) {
      request = body(desk, [{ role: "user", content: otherCase(question, random) }]);
      nearest = asked.get(canonical);
      similarity = 0.97 + 0.029 * random();
    } else if (kind < 0.2) {
      request = body(desk, [{ role: "user", content: otherWords(question, random) }]);
      nearest = asked.get(canonical);
      similarity = 0.84 + 0.13 * random();
    } else if (kind < 0.3) {
      request = body(desk, [
        { role: "user", content: question },
        { role: "assistant", content: `Please see page ${10 + (rank % 60)} of the manual. Does that help?` },
        { role: "user", content: random() < 0.5 ? "No, it does not." : "Thank you. And in winter?" },
      ]);
    } else {
      asked.set(canonical, first);
    }
    const promptTokens = Math.round(JSON.stringify(request.messages).length / 4.2);
    const outputTokens = 40 + ((rank * 53) % 220) + Math.floor(20 * random());
    lines.push(
      JSON.stringify({
        time: new Date(startMs + offsetMs).toISOString(),
        tenant: desk.tenant,
        model: desk.model,
        request,
        promptTokens,
        outputTokens,
        latencyMs: Math.round(180 + 0.05 * promptTokens + outputTokens * (6 + 3 * random())),
        status: random() < 0.004 ? 503 : 200,
        responseBytes: Math.round(outputTokens * 4.4),
        ...(nearest === undefined ? {} : { nearest, similarity: Math.round(similarity * 1e4) / 1e4 }),
      }),
    );
  }
  // A price list changes in the evening: everything that was cached is void.
  lines.splice(Math.floor(0.8 * lines.length), 0, priceChange(lines[Math.floor(0.8 * lines.length)] ?? "{}"));
  return `${lines.join("\n")}\n`;
}

if (import.meta.main) {
  const compressed = gzipSync(sampleLog(), { level: 9 });
  await writeFile(new URL("requests.jsonl.gz", import.meta.url), compressed);
  console.log(`${compressed.length} bytes`);
}

function body(desk: { readonly model: string; readonly system: string }, turns: readonly Message[]): Body {
  return {
    model: desk.model,
    messages: [{ role: "system", content: desk.system }, ...turns],
    temperature: 0,
  };
}

function otherCase(question: string, random: () => number): string {
  return random() < 0.5 ? question.toLowerCase() : ` ${question.replaceAll(" ", "  ")}`;
}

function otherWords(question: string, random: () => number): string {
  const start =
    ["Hi! ", "Please tell me: ", "Quick question. ", "Sorry to ask again. "][Math.floor(4 * random())] ?? "";
  return `${start}${question.replace("What", "Tell me what").replace("my", "our").replace("?", ", please?")}`;
}

function priceChange(nextLine: string): string {
  const next: { time: string } = JSON.parse(nextLine);
  return JSON.stringify({ time: next.time, event: "invalidate-all" });
}

/** Times of arrival over one day, in order: a quiet night and a busy afternoon. */
function arrivals(random: () => number): number[] {
  const times: number[] = [];
  while (times.length < rows) {
    const share = random();
    const busy = 0.15 + 0.85 * Math.sin(Math.PI * share) ** 2;
    if (random() < busy) times.push(Math.floor(share * spanMs));
  }
  return times.sort((a, b) => a - b);
}

function cumulativeZipf(count: number, exponent: number): number[] {
  const weights = Array.from({ length: count }, (_, i) => 1 / (i + 1) ** exponent);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  let share = 0;
  return weights.map((weight, i) => {
    share += weight / sum;
    return i === count - 1 ? 1 : share;
  });
}

/** Tommy Ettinger's mulberry32: small, and the same everywhere. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
