import { BreakwaterError, reasonOf } from "../../errors.ts";
import type { Shape } from "../substrate.ts";

/** What a toxic does; Toxiproxy refuses by disabling the proxy, and gives connections no lifetime. */
type ToxicShape = Extract<Shape, { kind: "latency" | "silent" }>;

/** Toxiproxy's HTTP API, as far as links need it. */
export interface Toxiproxy {
  version(): Promise<string>;
  /** Makes all proxies in one call. */
  populate(
    proxies: readonly { readonly name: string; readonly listen: string; readonly upstream: string }[],
  ): Promise<void>;
  /** Puts a latency or a silence on a proxy, under a name. */
  addToxic(proxy: string, name: string, shape: ToxicShape): Promise<void>;
  /** Takes the named ones off again; what is not there is fine. */
  removeToxic(proxy: string, name: string): Promise<void>;
  /** A proxy that is not enabled closes its connections and its listener. */
  setEnabled(proxy: string, enabled: boolean): Promise<void>;
}

/** Removing a toxic can hang for ever while data flows (Toxiproxy issues 159 and 412), so every call has a limit. */
const callTimeoutMs = 2_000;

export function toxiproxyAt(base: string): Toxiproxy {
  const call = async (
    method: string,
    path: string,
    body?: object,
    accept: readonly number[] = [],
  ): Promise<string> => {
    try {
      const response = await fetch(`${base}${path}`, {
        method,
        signal: AbortSignal.timeout(callTimeoutMs),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (!response.ok && !accept.includes(response.status))
        throw new Error(`it answered ${response.status}: ${text.trim()}`);
      return text;
    } catch (cause) {
      throw new BreakwaterError(
        "HARNESS_ERROR",
        "TOXIPROXY_CALL_FAILED",
        `Cannot shape a link: ${method} ${path} of Toxiproxy at ${base} failed: ${reasonOf(cause)}`,
        { cause },
      );
    }
  };
  return {
    version: () => call("GET", "/version"),
    async populate(proxies) {
      await call(
        "POST",
        "/populate",
        proxies.map((proxy) => ({ ...proxy, enabled: true })),
      );
    },
    async addToxic(proxy, name, shape) {
      await Promise.all(
        toxicsOf(shape).map((toxic) =>
          // 409: there already, from an earlier try of the same operation.
          call(
            "POST",
            `/proxies/${encodeURIComponent(proxy)}/toxics`,
            { ...toxic, name: `${name}-${toxic.stream}` },
            [409],
          ),
        ),
      );
    },
    async removeToxic(proxy, name) {
      await Promise.all(
        ["upstream", "downstream"].map((stream) =>
          call(
            "DELETE",
            `/proxies/${encodeURIComponent(proxy)}/toxics/${encodeURIComponent(`${name}-${stream}`)}`,
            undefined,
            [404],
          ),
        ),
      );
    },
    async setEnabled(proxy, enabled) {
      await call("POST", `/proxies/${encodeURIComponent(proxy)}`, { enabled });
    },
  };
}

/**
 * `timeout: 0` holds back all data and keeps the connection open until the toxic is removed; one toxic holds
 * back one direction only. Latency stands on the answers, so that a round trip becomes longer by it once.
 */
function toxicsOf(shape: ToxicShape) {
  switch (shape.kind) {
    case "latency":
      return [
        {
          type: "latency",
          stream: "downstream",
          attributes: { latency: shape.delayMs, jitter: shape.jitterMs },
        },
      ];
    case "silent":
      return ["upstream", "downstream"].map((stream) => ({
        type: "timeout",
        stream,
        attributes: { timeout: 0 },
      }));
  }
}
