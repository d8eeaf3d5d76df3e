import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { startModelStub } from "./testing/model-stub.ts";
import { startService } from "./testing/service-under-test.ts";

/** Where the page's examples ask. */
const documented = "http://127.0.0.1:8080";
const root = new URL("..", import.meta.url);
const page = await readFile(new URL("docs/api.md", root), "utf8");

async function start() {
  const model = await startModelStub();
  const service = await startService({ BW_MODEL_URL: model.url, BW_CACHE_L1: "on" });
  const [{ url }, stack] = [service, new AsyncDisposableStack()];
  stack.use(model);
  stack.use(service);
  return { url, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test("docs/api.md: its requests are answered as it says", async () => {
  await using service = await start();
  const request = /^\$ curl -si (\S+)(.*)\nHTTP\/1.1 (\d+) .*\n([^`]*)/gm;
  const examples = [...page.matchAll(request)];
  assert.equal(examples.length, page.split("\n$ curl").length - 1);
  for (const [, url = "", options = "", status, output = ""] of examples) {
    const headers = [...options.matchAll(/ -H '([\w-]+): ([^']*)'/g)].map(
      ([, name = "", value = ""]): [string, string] => [name, value],
    );
    const [, body = ""] = / -d '([^']*)'$/.exec(options) ?? [];
    const response = await fetch(url.replace(documented, service.url), { method: "POST", headers, body });
    const answer = await response.text();
    assert.equal(response.status, Number(status), answer);
    for (const [, name = ""] of output.matchAll(/^([a-z-]+): /gm)) assert(response.headers.has(name), name);
    const [, cache = null] = /^x-cache: (\w+)$/m.exec(output) ?? [];
    assert.equal(response.headers.get("x-cache"), cache, `${url}${options}`);
    if (status !== "200") assert.equal(answer, output.trim().split("\n").at(-1));
  }
});

test("docs/api.md: the openai client's example runs, and finds its answer stored the second time", async () => {
  await using service = await start();
  const [, code = ""] = /^```ts\n(import OpenAI[^`]*)```$/m.exec(page) ?? [];
  const run = async () => {
    const node = spawn(process.execPath, ["--input-type=module-typescript"], { cwd: root });
    const [output, errors, [exitCode]] = await Promise.all([
      text(node.stdout),
      text(node.stderr),
      once(node, "close"),
      node.stdin.end(code.replace(documented, service.url)),
    ]);
    assert.equal(exitCode, 0, errors);
    return output;
  };
  assert.match(await run(), /^miss Answer /);
  assert.match(await run(), /^hit Answer /);
});

test("docs/api.md: there are the routes that it lists", async () => {
  await using service = await start();
  const routes = [...page.matchAll(/^\| `(GET|POST) (\/\S+)`/gm)];
  assert.equal(routes.length, 8);
  for (const [, method = "", path = ""] of routes) {
    const { status } = await fetch(service.url + path, { method });
    assert.equal(status, method === "GET" ? 200 : 415, path);
  }
});

test("docs/api.md: each header that tells how an answer came about is described", async () => {
  const source = await readFile(new URL("service/routes/trail-headers.ts", root), "utf8");
  const names = [...source.matchAll(/setHeader\("([\w-]+)"/g)].map(([, name = ""]) => name);
  assert(names.length > 0);
  for (const name of names) assert(page.includes(`\n| \`${name}\``), name);
});
