import {
  bodyOf,
  type ExportedRequest,
  exportLinesReader,
  exportReader,
  firstTextOf,
  sizeOf,
  textOf,
  unwrapped,
} from "../exported-request.ts";
import type { Format } from "../format.ts";
import { timeOf } from "../time.ts";
import { countOf, isRecord, partsOf, type Usage } from "../usage.ts";

/**
 * Langfuse observations: the blob storage export (snake_case), and exports from the UI or the API (camelCase).
 * Generations and embeddings are requests; spans and events are not.
 *
 * Source: langfuse.com/docs/api-and-data-platform/features/blob-storage-export-fields. Times without a zone are
 * UTC, `latency` is in seconds.
 */
const langfuse: Format = {
  title: "Langfuse observations",
  matches: ({ firstObject: object, lines }) =>
    object === undefined
      ? /\b(trace_id|traceId)\b/.test(lines[0] ?? "") &&
        /\b(usage_details|usageDetails|usage)\b/.test(lines[0] ?? "")
      : (object.trace_id ?? object.traceId) !== undefined &&
        object.type !== undefined &&
        (object.start_time ?? object.startTime) !== undefined,
  open: (builder, problems) => exportReader(builder, problems, requestOf),
  openLines: (builder, problems) => exportLinesReader(builder, problems, requestOf),
};
export default langfuse;

function requestOf(record: Readonly<Record<string, unknown>>): ExportedRequest | string {
  const type = record.type;
  if (type !== undefined && type !== "GENERATION" && type !== "EMBEDDING") return "span or event";
  if (record.level === "ERROR") return "failed request";
  const startMs = timeOf(record.start_time ?? record.startTime);
  const endMs = timeOf(record.end_time ?? record.endTime);
  const latencySeconds = record.latency;
  const input = bodyOf(record.input);
  const parameters = unwrapped(record.model_parameters ?? record.modelParameters);
  const body = isRecord(input) ? input : { messages: input };
  return {
    timeMs: startMs,
    tenant: "",
    model:
      textOf(record.provided_model_name) ?? textOf(record.providedModelName) ?? textOf(record.model) ?? "",
    client: firstTextOf(record, ["user_id", "userId", "session_id", "sessionId"]),
    request: input === undefined ? undefined : { ...(isRecord(parameters) ? parameters : {}), ...body },
    requestHash: undefined,
    usage: usageOfDetails(unwrapped(record.usage_details ?? record.usageDetails ?? record.usage)),
    latencyMs: Number.isNaN(endMs - startMs) ? 1000 * secondsOf(latencySeconds) : endMs - startMs,
    answerBytes: sizeOf(record.output),
  };
}

function secondsOf(value: unknown): number {
  return value === "" || value === null || value === undefined ? Number.NaN : Number(value);
}

/**
 * Langfuse keeps tokens in buckets that do not overlap: `input` is what remains beside input_cached_tokens and
 * the like, and `total` the sum of all. Integrations have reported the whole prompt as `input` all the same
 * (issues 10592, 12306); then the buckets are more than `total`, and `input` is taken for the whole.
 */
function usageOfDetails(details: unknown): Usage | undefined {
  if (!isRecord(details)) return undefined;
  let inputs = 0;
  let outputs = 0;
  let cached = 0;
  let cacheWrite = 0;
  for (const [name, value] of Object.entries(details)) {
    const tokens = countOf(value);
    if (/^(input|prompt)|cache_read_input|cache_creation_input/i.test(name) && !/cost/i.test(name))
      inputs += tokens;
    else if (/^(output|completion)/i.test(name) && !/cost/i.test(name)) outputs += tokens;
    if (/input.*cached|cache_?read|cached_tokens/i.test(name)) cached += tokens;
    if (/cache_?(creation|write)/i.test(name)) cacheWrite += tokens;
  }
  const total = countOf(details.total ?? details.total_tokens ?? details.totalTokens);
  const overlap = total > 0 && inputs + outputs > total;
  const prompt = overlap ? countOf(details.input ?? details.prompt_tokens) : inputs;
  return partsOf(prompt, cached, cacheWrite, overlap ? Math.max(total - prompt, 0) : outputs);
}
