import {
  bodyOf,
  type ExportedRequest,
  exportLinesReader,
  exportReader,
  firstTextOf,
  sizeOf,
  textOf,
} from "../exported-request.ts";
import type { Format } from "../format.ts";
import { timeOf } from "../time.ts";
import { countOf, isRecord, partsOf, usageOf } from "../usage.ts";

/** What decides an answer, of the members of OpenAI's requests; whatever else stands in a line, its logger put there. */
const decisive = [
  ...["messages", "input", "prompt", "system", "instructions", "previous_response_id", "conversation"],
  ...["tools", "tool_choice", "functions", "function_call", "parallel_tool_calls", "web_search_options"],
  ...[
    "response_format",
    "text",
    "verbosity",
    "modalities",
    "audio",
    "prediction",
    "logprobs",
    "top_logprobs",
  ],
  ...["temperature", "top_p", "top_k", "min_p", "seed", "n", "stop", "stop_sequences", "logit_bias"],
  ...["presence_penalty", "frequency_penalty", "max_tokens", "max_completion_tokens", "max_output_tokens"],
  ...["reasoning", "reasoning_effort", "thinking"],
];

/**
 * Lines (or an array) that are the request itself: its model and messages at the top, the answer and the logger's own
 * members beside them.
 */
const openaiBody: Format = {
  title: "JSON of OpenAI-style requests, their members at the top",
  matches: ({ firstObject: object }) =>
    object !== undefined &&
    object.request === undefined &&
    (Array.isArray(object.messages) ||
      (textOf(object.model) !== undefined && bodyOf(object.prompt ?? object.input) !== undefined)),
  open: (builder, problems) => exportReader(builder, problems, requestOf),
  openLines: (builder, problems) => exportLinesReader(builder, problems, requestOf),
};
export default openaiBody;

function requestOf(record: Readonly<Record<string, unknown>>): ExportedRequest | string {
  const response = bodyOf(record.response ?? record.completion ?? record.output ?? record.choices);
  const answered = isRecord(response) ? response : {};
  const failed = countOf(record.status) >= 400 || [record.error, answered.error].some(tellsOfError);
  if (failed) return "failed request";
  const members = decisive.filter((name) => bodyOf(record[name]) !== undefined);
  if (!["messages", "input", "prompt"].some((name) => members.includes(name)))
    return "record without messages or prompt";
  const request = Object.fromEntries(members.map((name) => [name, record[name]]));
  const spoken = Array.isArray(request.messages) ? request.messages : [];
  const last: unknown = spoken.at(-1);
  // Kept conversations end with the answer.
  const answer = response ?? (isRecord(last) && last.role === "assistant" ? last : undefined);
  if (answer === last && answer !== undefined) request.messages = spoken.slice(0, -1);
  const usage = usageOf(record.usage) ?? usageOf(answered.usage);
  return {
    timeMs: timeOf(record.time ?? record.timestamp ?? record.created ?? record.created_at),
    tenant: textOf(record.tenant) ?? "",
    model: textOf(record.model) ?? textOf(answered.model) ?? "",
    client: firstTextOf(record, ["client", "safety_identifier", "user"]),
    request,
    requestHash: undefined,
    usage: usage ?? partsOf(countOf(record.prompt_tokens), 0, 0, countOf(record.completion_tokens)),
    latencyMs: Number(record.latencyMs ?? record.latency_ms ?? record.duration_ms ?? Number.NaN),
    cacheHit: record.cache === "hit" || record.cache_hit === true,
    answerBytes: sizeOf(answer),
  };
}

function tellsOfError(error: unknown): boolean {
  return error !== false && bodyOf(error) !== undefined;
}
