import { z } from "zod";

const wholeNumber = (from: number, to: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, "must be a whole number")
    .transform(Number)
    .pipe(z.int().min(from).max(to));

const name = z.string().regex(/^[\w.:/-]{1,128}$/, "must be a name: letters, digits and . : / _ -");

const environment = z.object({
  HOST: z.string().min(1).default("127.0.0.1"),
  PORT: wholeNumber(0, 65535).prefault("8000"),
  MODEL_NAME: name.default("llama-3-8b"),
  EMBEDDINGS_MODEL_NAME: name.default("embed-256"),
  MODEL_VERSION: name.default("1"),
  MODEL_EPOCH: wholeNumber(0, 999_999_999).prefault("1"),
  MAX_BATCH: wholeNumber(1, 256).prefault("64"),
  MAX_QUEUE: wholeNumber(1, 1_000_000).optional(),
});

export interface Config {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly modelName: string;
  readonly embeddingsModelName: string;
  /** Another version answers differently. */
  readonly modelVersion: string;
  /** The state of the data that answers rest on; told in each answer's provenance. */
  readonly epoch: number;
  /** Sequences that are read or decoded at once; the profile holds for up to 256. */
  readonly maxBatch: number;
  /** Requests that may wait for a place in the batch; Infinity where there is no limit. */
  readonly maxQueue: number;
}

/** Reads the whole configuration. Throws one error that names every wrong variable. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const { success, data, error } = environment.safeParse(env);
  if (!success) {
    const lines = error.issues.map(
      ({ path, message }) => `  ${path.join(".")} "${env[path.join(".")] ?? ""}": ${message}`,
    );
    throw new Error(
      `Cannot read the model server's configuration from the environment:\n${lines.join("\n")}`,
    );
  }
  return {
    host: data.HOST,
    port: data.PORT,
    modelName: data.MODEL_NAME,
    embeddingsModelName: data.EMBEDDINGS_MODEL_NAME,
    modelVersion: data.MODEL_VERSION,
    epoch: data.MODEL_EPOCH,
    maxBatch: data.MAX_BATCH,
    maxQueue: data.MAX_QUEUE ?? Number.POSITIVE_INFINITY,
  };
}
