import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { answerTokens, promptTokens } from "./content.ts";

const message = fc.record({
  role: fc.constantFrom("system", "user", "assistant"),
  text: fc.string({ unit: "binary" }),
});
const messages = fc.array(message, { minLength: 1, maxLength: 4 });

test("an answer has the published form: this one was computed by hand with sha256sum", () => {
  // printf '%s' '["llama-3-8b","1",[["user","How deep is the harbour?"]]]' | sha256sum
  const tokens = answerTokens("llama-3-8b", "1", [{ role: "user", text: "How deep is the harbour?" }]);
  assert.equal(
    tokens.join(""),
    "Answer a442e4849ce42f96 fathom beacon current fathom inlet inlet anchor current beacon harbour night lagoon keel lagoon night current fathom ebb drift",
  );
});

test("the same request has the same answer, of 8 to 24 tokens", () => {
  fc.assert(
    fc.property(messages, (asked) => {
      const tokens = answerTokens("m", "1", asked);
      assert.deepEqual(answerTokens("m", "1", structuredClone(asked)), tokens);
      assert.ok(tokens.length >= 8 && tokens.length <= 24);
      assert.match(tokens.join(""), /^Answer [0-9a-f]{16}( [a-z]+){6,22}$/);
    }),
  );
});

test("another version, model, role, text or order of messages has another answer", () => {
  const one = { role: "system", text: "Be brief." };
  const two = { role: "user", text: "Be brief" };
  const answers = [
    answerTokens("m", "1", [one, two]),
    answerTokens("m", "2", [one, two]),
    answerTokens("n", "1", [one, two]),
    answerTokens("m", "1", [two, one]),
    answerTokens("m", "1", [two]),
    answerTokens("m", "1", [{ ...two, role: "assistant" }]),
    answerTokens("m", "1", [{ ...two, text: "Be brief " }]),
  ];
  assert.equal(new Set(answers.map((tokens) => tokens.join(""))).size, answers.length);
});

test("four characters make a prompt token, and no prompt is empty", () => {
  assert.equal(
    promptTokens([
      { role: "user", text: "12345678" },
      { role: "user", text: "9" },
    ]),
    3,
  );
  assert.equal(promptTokens([{ role: "user", text: "" }]), 1);
});
