import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { ApiError } from "./api-error.ts";
import { checkServed, parsedBody } from "./checked-body.ts";

function errorOf(check: () => unknown): ApiError {
  try {
    check();
  } catch (thrown) {
    assert(thrown instanceof ApiError);
    return thrown;
  }
  return assert.fail("nothing is wrong with it");
}

test("the first field that is wrong is named; a body that is no object has none", () => {
  const schema = z.object({ a: z.number(), b: z.array(z.object({ c: z.string() })) });
  assert.deepEqual(parsedBody(schema, { a: 1, b: [] }), { a: 1, b: [] });
  const wrong = errorOf(() => parsedBody(schema, { a: 1, b: [{ c: "" }, { c: 1 }] }));
  assert.deepEqual([wrong.status, wrong.code, wrong.param], [400, "invalid_request", "b.1.c"]);
  for (const [body, text] of [
    [undefined, "Missing required parameter: the body"],
    [null, "Invalid type for the body: expected an object, but got null instead"],
    [[], "Invalid type for the body: expected an object, but got an array instead"],
    ["{}", "Invalid type for the body: expected an object, but got a string instead"],
  ] as const) {
    const { param, message } = errorOf(() => parsedBody(schema, body));
    assert.deepEqual([param, message], [null, text]);
  }
});

test("whatever names a request has, an error repeats no more than a line of them", () => {
  const long = "x".repeat(100_000);
  const errors = [
    errorOf(() => parsedBody(z.record(z.string(), z.number()), { [long]: "" })),
    errorOf(() => parsedBody(z.strictObject({}), { [long]: "" })),
    errorOf(() => checkServed(long, ["served"])),
  ];
  for (const error of errors) assert(JSON.stringify(error.body()).length < 600);
});

test("a model that is not served does not exist", () => {
  checkServed("b", ["a", "b"]);
  const { status, code, param } = errorOf(() => checkServed("c", ["a", "b"]));
  assert.deepEqual([status, code, param], [404, "model_not_found", "model"]);
});
