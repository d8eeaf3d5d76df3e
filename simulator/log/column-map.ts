import { type ColumnMap, type CsvField, csvFields } from "./format.ts";
import { LogError } from "./log-error.ts";

/** Names that headers use, in lower case without punctuation. */
const aliases: Readonly<Record<CsvField, readonly string[]>> = {
  time: ["time", "timestamp", "createdat", "starttime", "date", "ts", "requestcreatedat"],
  tenant: ["tenant", "tenantid", "team", "teamid", "organization", "org"],
  client: ["client", "clientid", "user", "userid", "enduser", "username", "session", "sessionid"],
  model: ["model", "modelname", "modelid"],
  request: ["request", "prompt", "query", "question", "input", "text", "key", "requesthash", "objectid"],
  promptTokens: ["prompttokens", "inputtokens", "contexttokens", "requesttokens", "tokensin"],
  cachedTokens: ["cachedtokens", "cachereadtokens", "cachereadinputtokens", "cachedinputtokens"],
  cacheWriteTokens: ["cachewritetokens", "cachecreationinputtokens"],
  outputTokens: ["outputtokens", "completiontokens", "generatedtokens", "responsetokens", "tokensout"],
  latencyMs: ["latencyms", "durationms", "delayms", "elapsedms", "responsetimems"],
  latencySeconds: ["latencyseconds", "latencys", "durationseconds", "elapsedtime"],
  bytes: ["bytes", "size", "responsebytes", "objsize", "objectsize"],
};

/** Which column of the header is what: the user's map where given, else by the columns' names. */
export function columnsOf(header: readonly string[], map: ColumnMap | undefined): Map<CsvField, number> {
  const found = new Map<CsvField, number>();
  const plain = header.map((name) => name.toLowerCase().replace(/[^a-z0-9]/g, ""));
  for (const field of csvFields) {
    if (map === undefined) {
      const column = aliases[field].map((alias) => plain.indexOf(alias)).find((index) => index >= 0);
      if (column !== undefined) found.set(field, column);
      continue;
    }
    const name = map[field];
    if (name === undefined) continue;
    const column = byPosition(map) ? Number(name) - 1 : header.indexOf(name);
    if (column < 0 || column >= header.length) {
      throw new LogError(
        "BAD_COLUMN_MAP",
        `Cannot read column "${name}" as "${field}": the log has no such column`,
        {
          hint: `It has ${header.length} columns${namesToTell(header)}`,
        },
      );
    }
    found.set(field, column);
  }
  return found;
}

/**
 * As columnsOf, for a log that is read.
 *
 * @throws LogError BAD_COLUMN_MAP where no column is known
 */
export function someColumnsOf(header: readonly string[], map: ColumnMap | undefined): Map<CsvField, number> {
  const found = columnsOf(header, map);
  if (found.size > 0) return found;
  throw new LogError("BAD_COLUMN_MAP", "Cannot read the log as CSV: no column has a name that is known", {
    hint: `It has ${header.length} columns${namesToTell(header)}. Say which is what: --columns "time=…,request=…"; fields: ${csvFields.join(", ")}`,
  });
}

/**
 * Only what looks like names: without a header, the first line is data, and may be a prompt. Data seldom are short words
 * alone, without one time or count.
 */
function namesToTell(header: readonly string[]): string {
  const names = header.filter((name) => /^[\p{L}_][\p{L}\d_ .()/-]{0,39}$/u.test(name));
  return names.length < header.length ? "" : `: ${names.join(", ")}`;
}

/** Whether every column is named by its position, so that the first line is data and no header. */
export function byPosition(map: ColumnMap | undefined): boolean {
  const names = Object.values(map ?? {});
  return names.length > 0 && names.every((name) => /^[1-9]\d*$/.test(name));
}

/** Reads a map as the command line has it: `time=TIMESTAMP,promptTokens=ContextTokens`. */
export function parseColumnMap(text: string): ColumnMap {
  const map: Partial<Record<CsvField, string>> = {};
  for (const pair of text.split(",")) {
    const equals = pair.indexOf("=");
    const field = csvFields.find((name) => name === pair.slice(0, Math.max(equals, 0)).trim());
    const column = pair.slice(equals + 1).trim();
    if (field === undefined || column === "") {
      throw new LogError(
        "BAD_COLUMN_MAP",
        `Cannot read the column map "${text}": "${pair}" is not field=column`,
        {
          hint: `Fields: ${csvFields.join(", ")}`,
        },
      );
    }
    map[field] = column;
  }
  return map;
}
