import { once } from "node:events";
import type { Server } from "node:http";
import { connect } from "node:net";
import { compose } from "../composition/service.ts";
import { readConfig } from "../config/config.ts";
import { createLog } from "../telemetry/log.ts";

/** What a test looks at in a response. */
export interface Reply {
  readonly status: number;
  readonly cache: string | null;
  readonly key: string | null;
  readonly degraded: string | null;
  readonly provenance: string | null;
  readonly retryAfter: string | null;
  readonly tier: string | null;
  /** In seconds. */
  readonly age: string | null;
  readonly stale: string | null;
  readonly coalesced: string | null;
  readonly text: string;
}

/** The service in this process, with real sockets to whatever the environment names. */
export interface ServiceUnderTest extends AsyncDisposable {
  readonly server: Server;
  readonly url: string;
  ask(question: string, fields?: Readonly<Record<string, unknown>>): Promise<Reply>;
  post(body: string, headers?: Readonly<Record<string, string>>): Promise<Reply>;
  get(path: string): Promise<Reply>;
  /** The value of a metric, written as in the exposition; 0 when it is not there. */
  metric(sample: string): Promise<number>;
}

export async function startService(env: Readonly<Record<string, string>>): Promise<ServiceUnderTest> {
  // Without the tier in memory, so that tests of Redis ask Redis.
  const usual = { BW_PORT: "0", BW_DRAIN_NOTICE_MS: "0", BW_DRAIN_MS: "5000", BW_CACHE_L1: "off" };
  const service = compose(readConfig({ ...usual, ...env }), createLog("silent"));
  const listening = once(service.server, "listening");
  const started = service.start();
  await listening;
  await started;
  const address = service.server.address();
  const url = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;

  const reply = async (response: Response): Promise<Reply> => ({
    status: response.status,
    cache: response.headers.get("x-cache"),
    key: response.headers.get("x-cache-key"),
    degraded: response.headers.get("x-degraded"),
    provenance: response.headers.get("x-provenance"),
    retryAfter: response.headers.get("retry-after"),
    tier: response.headers.get("x-cache-tier"),
    age: response.headers.get("age"),
    stale: response.headers.get("x-stale"),
    coalesced: response.headers.get("x-coalesced"),
    text: await response.text(),
  });
  const post: ServiceUnderTest["post"] = async (body, headers = {}) =>
    reply(
      await fetch(`${url}/v1/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body,
      }),
    );
  const get = async (path: string) => reply(await fetch(url + path));
  return {
    server: service.server,
    url,
    post,
    get,
    ask: (question, fields = {}) => post(JSON.stringify({ ...requestFor(question), ...fields })),
    async metric(sample) {
      const { text } = await get("/metrics");
      const line = text.split("\n").find((candidate) => candidate.startsWith(`${sample} `));
      return line === undefined ? 0 : Number(line.slice(sample.length + 1));
    },
    async [Symbol.asyncDispose]() {
      await service.stop();
    },
  };
}

/** A chat completion with one question. */
export function requestFor(question: string) {
  return { model: "llama-3-8b", messages: [{ role: "user", content: question }], temperature: 0 };
}

/** A caller that sends and reads when the test says so. */
export function slowCaller({ url }: ServiceUnderTest) {
  const { host, hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  const lines = ["POST /v1/chat/completions HTTP/1.1", `host: ${host}`, "connection: close"];
  return {
    socket,
    head: (bodyBytes: number, more: readonly string[] = []) =>
      [...lines, ...more, "content-type: application/json", `content-length: ${bodyBytes}`, "", ""].join(
        "\r\n",
      ),
    [Symbol.dispose]: () => socket.destroy(),
  };
}
