/**
 * An embedder for `npm run simulate -- log.jsonl --strategies semantic --embedder docs/examples/embedder.ts`: vectors
 * from whatever speaks OpenAI's embeddings API, a model on this machine say, so that no text leaves it.
 *
 *   EMBEDDINGS_URL    http://127.0.0.1:8080/v1/embeddings
 *   EMBEDDINGS_MODEL  its name there
 */
const url = process.env["EMBEDDINGS_URL"] ?? "http://127.0.0.1:8080/v1/embeddings";
const model = process.env["EMBEDDINGS_MODEL"] ?? "all-minilm";

export default {
  name: model,
  /** Of each vector: what the model has. */
  dimensions: 384,
  async embed(texts: readonly string[]): Promise<number[][]> {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model, input: texts }),
    });
    if (!response.ok) throw new Error(`${url} answered ${response.status}`);
    const { data }: { data: { embedding: number[] }[] } = JSON.parse(await response.text());
    return data.map(({ embedding }) => embedding);
  },
};
