import { z } from "zod";
import type { EmbeddingsEngine } from "./embeddings-engine.ts";
import { EngineFailure } from "./engine.ts";
import { apiRoute, bodyText, type EngineApi, openaiCall, readJson } from "./openai-call.ts";

const embeddings = z.object({
  // base64 of whole floats: what is none would be read as one all the same.
  data: z.array(
    z.object({ index: z.int(), embedding: z.union([z.base64().refine(isWholeFloats), z.array(z.number())]) }),
  ),
  usage: z.object({ prompt_tokens: z.int().nonnegative() }).nullish(),
});

/** An engine that makes embeddings by the OpenAI API over HTTP. */
export function openaiHttpEmbeddings(api: EngineApi): EmbeddingsEngine {
  const route = apiRoute(api, "embeddings");
  return {
    embed({ request, inputs, ...facts }, signal) {
      return openaiCall(
        route,
        // A third of the bytes of numbers in JSON, and no precision to lose. Engines that do not know it send numbers.
        { ...request, input: inputs, encoding_format: "base64" },
        facts,
        async (response, provenance) => {
          const { data, usage } = readJson(embeddings, await bodyText(response, api.maxResponseBytes));
          const vectors = vectorsOf(data, inputs.length);
          return { vectors, promptTokens: usage?.prompt_tokens ?? 0, provenance };
        },
        signal,
      );
    },
  };
}

/** In the order of the inputs. What is not a vector would be stored, and served for as long as it is fresh. */
function vectorsOf(data: z.output<typeof embeddings>["data"], count: number): Float32Array[] {
  const sorted = data.toSorted((a, b) => a.index - b.index);
  const vectors = sorted.map(({ embedding }) => floatsOf(embedding));
  const dimensions = vectors[0]?.length ?? 0;
  const usable =
    sorted.every(({ index }, i) => index === i) &&
    vectors.every((vector) => vector.length === dimensions && vector.every(Number.isFinite));
  if (vectors.length === count && dimensions > 0 && usable) return vectors;
  throw new EngineFailure("The engine's embeddings are not what was asked for");
}

/** @param embedding numbers, or float32 in base64, little-endian */
function floatsOf(embedding: string | readonly number[]): Float32Array {
  if (typeof embedding !== "string") return Float32Array.from(embedding);
  const bytes = Buffer.from(embedding, "base64");
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
}

function isWholeFloats(base64: string): boolean {
  return Buffer.byteLength(base64, "base64") % 4 === 0;
}
