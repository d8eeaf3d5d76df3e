import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { startModelStub } from "../testing/model-stub.ts";
import { requestFor, startService } from "../testing/service-under-test.ts";

const line = z.object({
  priority: z.string().optional(),
  client: z.string().optional(),
  model: z.string().optional(),
  responseBytes: z.int().optional(),
});

/** The lines of a service that was asked, and stopped. */
async function logged(
  env: Record<string, string>,
  ask: (post: (headers: Record<string, string>, fields?: object) => Promise<string>) => Promise<void>,
) {
  const folder = await mkdtemp(join(tmpdir(), "service-test-fields-"));
  const path = join(folder, "access.jsonl");
  try {
    {
      await using model = await startModelStub();
      model.mode = "flood";
      model.floodPiece = "é";
      model.floodPieces = 10;
      await using service = await startService({ BW_MODEL_URL: model.url, BW_ACCESS_LOG: path, ...env });
      await ask(async (headers, fields = {}) => {
        const reply = await service.post(JSON.stringify({ ...requestFor("x"), ...fields }), headers);
        assert.equal(reply.status, 200, reply.text);
        return JSON.parse(reply.text).choices[0].message.content;
      });
    }
    const lines = (await readFile(path, "utf8")).trimEnd().split("\n");
    return lines.map((json) => line.parse(JSON.parse(json)));
  } finally {
    await rm(folder, { recursive: true });
  }
}

const askAll = async (post: (headers: Record<string, string>) => Promise<string>) => {
  for (const priority of ["low", "normal", "high"]) await post({ "x-priority": priority });
};

test("a line tells a priority that is not the usual one, where priorities make a difference", async () => {
  const toldOf = async (env: Record<string, string>) =>
    (await logged(env, askAll)).map(({ priority }) => priority);
  assert.deepEqual(await toldOf({}), ["low", undefined, "high"]);
  assert.deepEqual(await toldOf({ BW_SHED: "off" }), [undefined, undefined, undefined]);
});

test("an answer's size is told in bytes, whatever its letters are", async () => {
  let answer = "";
  const [told] = await logged({}, async (post) => {
    answer = await post({});
  });
  assert(answer.includes("é"));
  assert.equal(told?.responseBytes, Buffer.byteLength(answer));
  assert.equal(told?.model, "llama-3-8b");
});

test("one name at two tenants is two clients, and no line tells it", async () => {
  const env = { BW_API_KEYS: "a:key-a,b:key-b", BW_ACCESS_LOG_SALT: "salt-salt-salt-salt" };
  const lines = await logged(env, async (post) => {
    for (const key of ["key-a", "key-a", "key-b"])
      await post({ authorization: `Bearer ${key}` }, { user: "sesame" });
  });
  const [first, again, other] = lines.map(({ client }) => client);
  assert(first !== undefined && other !== undefined);
  assert.equal(first, again);
  assert.notEqual(first, other);
  assert(!JSON.stringify(lines).includes("sesame"));
});
