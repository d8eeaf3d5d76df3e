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
import { countOf, isRecord, partsOf, type Usage, usageOf } from "../usage.ts";

/**
 * Helicone: what its export tool writes (JSON lines, one JSON array or CSV), newest request first.
 *
 * Sources: docs.helicone.ai/tools/export; examples/export/typescript and HeliconeRequest in Helicone/helicone.
 * Bodies are there only with --include-body.
 */
const helicone: Format = {
  title: "Helicone requests",
  matches: ({ firstObject: object, lines }) =>
    object === undefined
      ? /\brequest_created_at\b/.test(lines[0] ?? "")
      : object.request_created_at !== undefined,
  open: (builder, problems) => exportReader(builder, problems, requestOf),
  openLines: (builder, problems) => exportLinesReader(builder, problems, requestOf),
};
export default helicone;

function requestOf(record: Readonly<Record<string, unknown>>): ExportedRequest | string {
  const status = Number(record.response_status ?? 200);
  if (status >= 400 || status < 0) return "failed request";
  const answer = bodyOf(record.response_body);
  const delay = record.delay_ms ?? record.latency;
  return {
    timeMs: timeOf(record.request_created_at),
    tenant: "",
    model:
      textOf(record.model_override) ??
      textOf(record.request_model) ??
      textOf(record.model) ??
      textOf(record.response_model) ??
      "",
    client:
      firstTextOf(record, ["request_user_id", "user_id"]) ??
      firstTextOf(propertiesOf(record), ["Helicone-Session-Id"]),
    request: bodyOf(record.request_body),
    requestHash: undefined,
    usage: (isRecord(answer) ? usageOf(answer.usage ?? answer.usageMetadata) : undefined) ?? ownUsage(record),
    latencyMs: delay === undefined || delay === null || delay === "" ? Number.NaN : Number(delay),
    answerBytes: sizeOf(answer),
  };
}

function propertiesOf(record: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const properties = unwrapped(record.request_properties ?? record.properties);
  return isRecord(properties) ? properties : {};
}

/**
 * Helicone's own count, for answers without a body: its prompt_tokens leaves the cached tokens out
 * (getPromptTokens in its jawn service).
 */
function ownUsage(record: Readonly<Record<string, unknown>>): Usage {
  const read = countOf(record.prompt_cache_read_tokens);
  const write = countOf(record.prompt_cache_write_tokens);
  const prompt = countOf(record.prompt_tokens) + read + write;
  return partsOf(prompt, read, write, countOf(record.completion_tokens));
}
