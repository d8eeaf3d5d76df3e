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
import { countOf, isRecord, partsOf, usageOf } from "../usage.ts";

/**
 * LiteLLM: StandardLoggingPayload objects (as its S3, GCS and other loggers write them), and rows of its table
 * LiteLLM_SpendLogs (as /spend/logs and database exports give them).
 *
 * Sources: docs.litellm.ai/docs/proxy/logging_spec; schema.prisma of BerriAI/litellm. Bodies are in spend logs
 * only with store_prompts_in_spend_logs.
 */
const litellm: Format = {
  title: "LiteLLM logging payloads or spend logs",
  matches: ({ firstObject: object, lines }) =>
    object === undefined
      ? /\brequest_id\b.*\bcall_type\b|\bcall_type\b.*\bstartTime\b/.test(lines[0] ?? "")
      : object.call_type !== undefined && object.startTime !== undefined,
  open: (builder, problems) => exportReader(builder, problems, requestOf),
  openLines: (builder, problems) => exportLinesReader(builder, problems, requestOf),
};
export default litellm;

function requestOf(record: Readonly<Record<string, unknown>>): ExportedRequest | string {
  if (record.status === "failure") return "failed request";
  const metadata = unwrapped(record.metadata);
  const known = isRecord(metadata) ? metadata : {};
  const proxied = bodyOf(record.proxy_server_request);
  const proxiedBody = isRecord(proxied) && isRecord(proxied.body) ? proxied.body : proxied;
  const messages = bodyOf(record.messages);
  const parameters = unwrapped(record.model_parameters);
  const response = bodyOf(record.response);
  const startMs = timeOf(record.startTime);
  const cacheKey = textOf(record.cache_key);
  const prompt = countOf(record.prompt_tokens);
  const reported = usageOf(known.usage_object) ?? (isRecord(response) ? usageOf(response.usage) : undefined);
  return {
    timeMs: startMs,
    tenant: textOf(record.team_id) ?? textOf(known.user_api_key_team_id) ?? "",
    model: textOf(record.model) ?? textOf(record.model_group) ?? "",
    client:
      firstTextOf(record, ["end_user", "user"]) ??
      firstTextOf(known, ["user_api_key_end_user_id", "user_api_key_user_id"]) ??
      firstTextOf(record, ["session_id", "user_id"]),
    request: messages === undefined ? proxiedBody : { ...(isRecord(parameters) ? parameters : {}), messages },
    // "Cache OFF" stands where LiteLLM's own cache is off.
    requestHash: cacheKey === undefined || /\s/.test(cacheKey) ? undefined : cacheKey,
    usage: partsOf(
      prompt > 0 ? prompt : (reported?.prompt ?? 0),
      reported?.cached ?? 0,
      reported?.cacheWrite ?? 0,
      countOf(record.completion_tokens) || (reported?.output ?? 0),
    ),
    latencyMs: timeOf(record.endTime) - startMs,
    cacheHit: /^true$/i.test(String(record.cache_hit)),
    answerBytes: sizeOf(response),
  };
}
