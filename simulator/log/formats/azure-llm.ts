import type { Format } from "../format.ts";
import csv from "./csv.ts";

/**
 * Azure's LLM inference traces: TIMESTAMP,ContextTokens,GeneratedTokens. There is nothing in them to tell two
 * requests apart, so they serve for load, latency and money, and no request-level cache ever hits.
 *
 * Source: Azure/AzurePublicDataset (Splitwise, DynamoLLM).
 */
const azureLlm: Format = {
  title: "Azure LLM inference trace",
  matches: ({ lines }) => /^TIMESTAMP,ContextTokens,GeneratedTokens\s*$/.test(lines[0] ?? ""),
  open: (builder, problems) =>
    csv.open(builder, problems, {
      columns: { time: "TIMESTAMP", promptTokens: "ContextTokens", outputTokens: "GeneratedTokens" },
    }),
};
export default azureLlm;
