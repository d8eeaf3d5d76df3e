import { byPosition, columnsOf, someColumnsOf } from "../column-map.ts";
import { csvReader, delimiterOf } from "../csv.ts";
import { unwrapped } from "../exported-request.ts";
import type { CsvField, Format, LogReader } from "../format.ts";
import { firstLine } from "../lines.ts";
import { RequestRows, tokensPerTextBlock } from "../request-rows.ts";
import { timeOfText } from "../time.ts";
import { countOf, partsOf } from "../usage.ts";

/**
 * CSV with a map of its columns, or a header with names that tell. `request` holds the prompt, a JSON body, or
 * any name for the request; without it every row counts as different from all others.
 */
const csv: Format = {
  title: "CSV",
  matches: ({ lines }) => {
    const header = lines[0] ?? "";
    const delimiter = delimiterOf(header);
    const names = header.split(delimiter).map((name) => name.replace(/^"|"$/g, ""));
    return names.length > 1 && columnsOf(names, undefined).size > 1;
  },
  open(builder, problems, { columns: map }) {
    const rows = new RequestRows(builder);
    builder.tokensPerBlock = tokensPerTextBlock;
    let columns: Map<CsvField, number> | undefined;
    let names: readonly string[] = [];
    let width = 0;
    let checked = false;
    let hasDecimalCommas = false;
    const handle = (fields: readonly string[]): void => {
      if (columns === undefined) {
        const header = fields.map((name) => name.trim());
        columns = someColumnsOf(header, map);
        if (!byPosition(map)) names = header;
        width = fields.length;
        if (!byPosition(map)) {
          problems.records--;
          return;
        }
      }
      if (fields.length !== width) {
        problems.reject(`has ${fields.length} fields, and the first line ${width}`);
        return;
      }
      const known = columns;
      if (!checked && map === undefined) numbersAreTokens(known, fields);
      checked = true;
      const field = (name: CsvField): string | undefined => fields[known.get(name) ?? -1];
      const timeText = field("time");
      const timeMs = timeText === undefined ? Number.NaN : timeOfText(timeText);
      if (timeText !== undefined && Number.isNaN(timeMs)) {
        problems.reject("has a time that is neither ISO 8601 nor Unix time");
        return;
      }
      const counts = [field("promptTokens"), field("outputTokens"), field("bytes")];
      if (counts.some((count) => count !== undefined && !/^\s*(\d+(\.\d+)?)?\s*$/.test(count))) {
        problems.reject("has a count that is no number");
        return;
      }
      const row = builder.start();
      const tenant = builder.tenants.idOfText(field("tenant") ?? "");
      row.tenant = tenant;
      const client = field("client");
      if (client !== undefined && client !== "") row.client = rows.clientOf(tenant, client);
      row.model = builder.models.idOfText(field("model") ?? "");
      row.timeMs = timeMs;
      const usage = partsOf(
        countOf(counts[0]),
        countOf(field("cachedTokens")),
        countOf(field("cacheWriteTokens")),
        countOf(counts[1]),
      );
      row.promptTokens = usage.prompt;
      row.outputTokens = usage.output;
      row.cachedTokens = usage.cached;
      row.cacheWriteTokens = usage.cacheWrite;
      row.bytes = countOf(counts[2]);
      const latency = field("latencyMs") ?? field("latencySeconds") ?? "";
      const inMs = (field("latencyMs") === undefined ? 1000 : 1) * numberOf(latency, hasDecimalCommas);
      if (latency !== "" && Number.isNaN(inMs)) problems.note("latency that is no number: left out");
      row.latencyMs = problems.latency(inMs);
      const request = field("request");
      if (request === undefined) row.key = builder.keyOfItsOwn();
      else {
        const body = unwrapped(request);
        rows.identify(row, tenant, row.model, body);
        for (const block of rows.blocksOf(row.model, body)) builder.addBlockId(block);
      }
      builder.add();
    };
    let reader: LogReader | undefined;
    return {
      columns: () =>
        Object.fromEntries([...(columns ?? [])].map(([field, at]) => [field, names[at] ?? String(at + 1)])),
      read(block) {
        if (reader === undefined) {
          const delimiter = delimiterOf(firstLine(block));
          hasDecimalCommas = delimiter !== ",";
          reader = csvReader(problems, delimiter, handle);
        }
        return reader.read(block);
      },
    };
  },
};
export default csv;

/** A guessed column of requests that begins with a number, as `input` may, counts tokens. */
function numbersAreTokens(columns: Map<CsvField, number>, fields: readonly string[]): void {
  const column = columns.get("request");
  if (column === undefined || columns.has("promptTokens") || !columns.has("outputTokens")) return;
  if (!/^\d+$/.test(fields[column] ?? "")) return;
  columns.delete("request");
  columns.set("promptTokens", column);
}

/** NaN for what is no number. Where commas part no columns, one may part the decimals. */
function numberOf(text: string, hasDecimalCommas: boolean): number {
  if (text === "") return Number.NaN;
  return Number(hasDecimalCommas && /^\d+,\d+$/.test(text) ? text.replace(",", ".") : text);
}
