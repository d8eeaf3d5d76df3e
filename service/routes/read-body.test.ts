import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import express from "express";
import { apiErrorOf } from "./api-error-of.ts";
import { bodyReader } from "./read-body.ts";

/** What a reader says of a body: nothing where it is taken. */
async function saidOf(body: string): Promise<string | undefined> {
  const readBody = bodyReader(1_000_000);
  const server = express()
    .post("/", async (req, res) => {
      const excess = await readBody(req, res).then(
        () => undefined,
        (thrown: unknown) => apiErrorOf(thrown).body().error,
      );
      res.json({ excess });
    })
    .listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const headers = { "content-type": "application/json" };
  const { excess } = JSON.parse(
    await (await fetch(`http://127.0.0.1:${port}`, { method: "POST", body, headers })).text(),
  );
  server.close();
  return excess && `${excess.code}: ${excess.message}`;
}

test("a body of as many values as may be is taken, one more is not, however they are spread", async () => {
  const said = "invalid_body: The body has more than 20000 values";
  // The whole is a value too.
  assert.equal(await saidOf(`[${"1,".repeat(19_998)}1]`), undefined);
  assert.equal(await saidOf(`[${"1,".repeat(19_999)}1]`), said);
  const spread = (howMany: number) =>
    JSON.stringify({ a: Array(9_997).fill({}), b: Object.fromEntries(Array(howMany).fill(1).entries()) });
  assert.equal(await saidOf(spread(10_000)), undefined);
  assert.equal(await saidOf(spread(10_001)), said);
});

test("a body as deep as may be is taken, one deeper is not", async () => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  assert.equal(await saidOf(nested(100)), undefined);
  assert.equal(await saidOf(nested(101)), "invalid_body: The body is nested more than 100 deep");
  assert.equal(
    await saidOf(`{"a":[${nested(20_000)}]}`),
    "invalid_body: The body is nested more than 100 deep",
  );
});
