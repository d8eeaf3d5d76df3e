import type { Format } from "./format.ts";
import arc from "./formats/arc.ts";
import azureLlm from "./formats/azure-llm.ts";
import csv from "./formats/csv.ts";
import helicone from "./formats/helicone.ts";
import langfuse from "./formats/langfuse.ts";
import lirs from "./formats/lirs.ts";
import litellm from "./formats/litellm.ts";
import mooncake from "./formats/mooncake.ts";
import openai from "./formats/openai.ts";
import openaiBody from "./formats/openai-body.ts";
import oracleGeneral from "./formats/oracle-general.ts";
import vscsi from "./formats/vscsi.ts";

/** Every format by the name that `--format` takes. A guess tries them in this order, the most particular first. */
export const formats = {
  mooncake,
  helicone,
  litellm,
  langfuse,
  openai,
  "openai-body": openaiBody,
  "azure-llm": azureLlm,
  arc,
  lirs,
  csv,
  vscsi,
  "oracle-general": oracleGeneral,
} satisfies Record<string, Format>;

export type FormatName = keyof typeof formats;
