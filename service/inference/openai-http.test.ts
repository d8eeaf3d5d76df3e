import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Agent, getGlobalDispatcher, setGlobalDispatcher } from "undici";
import { startModelStub, stubAnswer } from "../testing/model-stub.ts";
import { requestFor } from "../testing/service-under-test.ts";
import { openaiHttpEngine } from "./openai-http.ts";

const usual = getGlobalDispatcher();
after(() => setGlobalDispatcher(usual));

test("the HTTP client has no timeout of its own: BW_TIMEOUT=off is without any", async () => {
  // Its defaults, 5 min, made short enough to be seen: whoever relies on them fails.
  setGlobalDispatcher(new Agent({ headersTimeout: 100, bodyTimeout: 100 }));
  await using model = await startModelStub();
  // undici looks at its timeouts about once a second.
  model.delayMs = 2500;
  await assert.rejects(fetch(model.url, { method: "POST", body: "{}" }), "the defaults are short now");
  const { content } = await openaiHttpEngine(new URL(model.url)).answer(
    {
      request: requestFor("x"),
      tenant: "public",
      priority: "normal",
      deadline: undefined,
      onDelta: undefined,
    },
    new AbortController().signal,
  );
  assert.equal(content, stubAnswer(2));
});
