import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { dependencies, freshQuestion } from "./testing/dependencies.ts";
import { stubAnswer } from "./testing/model-stub.ts";
import { eventually } from "./testing/redis-cluster.ts";

const given = dependencies();

test("plain, streamed with usage, models, and errors", async () => {
  await using service = await given.start();
  const client = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: "any", maxRetries: 0 });
  const question = freshQuestion();
  const messages = [{ role: "user" as const, content: question }];

  const plain = await client.chat.completions.create({ model: "llama-3-8b", messages, temperature: 0 });
  assert.equal(plain.choices[0]?.message.content, stubAnswer(1));
  assert.equal(plain.usage?.total_tokens, 4);

  // The second time it comes from the cache.
  for (const asked of [freshQuestion(), question]) {
    const stream = await client.chat.completions.create({
      model: "llama-3-8b",
      messages: [{ role: "user", content: asked }],
      temperature: 0,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = "";
    let totalTokens: number | undefined;
    let finishReason: string | null | undefined;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      finishReason = chunk.choices[0]?.finish_reason ?? finishReason;
      totalTokens = chunk.usage?.total_tokens ?? totalTokens;
    }
    assert.match(text, /^Answer number \d+, in a few words: one .* nine\.$/);
    assert.equal(finishReason, "stop");
    assert(totalTokens !== undefined);
  }

  const served = await client.models.list();
  assert.deepEqual(
    served.data.map(({ id }) => id),
    ["llama-3-8b", "embed-256"],
  );
  await assert.rejects(client.chat.completions.create({ model: "gpt-9", messages }), OpenAI.NotFoundError);
  given.model.mode = "silent";
  const caller = new AbortController();
  const leaving = client.chat.completions.create(
    { model: "llama-3-8b", messages: [{ role: "user", content: freshQuestion() }] },
    { signal: caller.signal },
  );
  await eventually(() => given.model.requests.length === 3);
  caller.abort();
  await assert.rejects(leaving, OpenAI.APIUserAbortError);
  // The model's work is cancelled, and nobody's failure.
  await eventually(() => given.model.abandoned === 1);
  await eventually(
    async () =>
      (await service.metric('dependency_calls_total{dependency="model",outcome="cancelled"}')) === 1,
  );
});
