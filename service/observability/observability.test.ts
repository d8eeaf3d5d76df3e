import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { describe, test } from "node:test";
import { parse } from "yaml";
import { z } from "zod";
import { dependencies, freshQuestion, keyOf } from "../testing/dependencies.ts";
import { eventually } from "../testing/redis-cluster.ts";
import { requestFor, type ServiceUnderTest } from "../testing/service-under-test.ts";

const fileText = (name: string) => readFile(new URL(name, import.meta.url), "utf8");

/** What Grafana 10 and later read of a dashboard, as far as this one uses it. */
const panel = z.object({
  id: z.int().positive(),
  type: z.enum(["row", "timeseries", "state-timeline"]),
  title: z.string().min(1),
  gridPos: z.object({ x: z.int().min(0), y: z.int().min(0), w: z.int().min(1).max(24), h: z.int().min(1) }),
  targets: z
    .array(
      z.object({ refId: z.string().regex(/^[A-Z]$/), expr: z.string().min(1), legendFormat: z.string() }),
    )
    .min(1)
    .optional(),
});
const dashboard = z
  .object({
    uid: z.string().regex(/^[\w-]{1,40}$/),
    title: z.string().min(1),
    schemaVersion: z.int().min(39),
    templating: z.object({ list: z.array(z.object({ name: z.string(), type: z.string() })) }),
    panels: z.array(panel),
  })
  .parse(JSON.parse(await fileText("dashboard.json")));

const { groups } = z
  .object({
    groups: z.array(
      z.object({
        rules: z.array(
          z.object({ expr: z.string(), record: z.string().optional(), alert: z.string().optional() }),
        ),
      }),
    ),
  })
  .parse(parse(await fileText("service.rules.yaml")));
const rules = groups.flatMap((group) => group.rules);
const recorded = new Set(rules.flatMap(({ record }) => record ?? []));

const expressions = [
  ...rules.map(({ expr }) => expr),
  ...dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
];

interface Selector {
  readonly metric: string;
  readonly labels: readonly string[];
}

const words = new Set(["and", "or", "unless", "bool", "offset", "inf", "nan"]);

/** The series that a PromQL expression asks for, and the labels by which it groups them. */
function readPromQl(expression: string): { selectors: Selector[]; grouped: string[] } {
  const grouped: string[] = [];
  const bare = expression
    .replaceAll(/"(?:[^"\\]|\\.)*"/g, '""')
    .replaceAll(/\[[^\]]*\]/g, "")
    .replaceAll(/\b(?:by|on|without|ignoring)\s*\(([^)]*)\)/g, (_, names: string) => {
      grouped.push(...names.split(",").map((name) => name.trim()));
      return "";
    });
  const selectors = [...bare.matchAll(/([a-zA-Z_:][\w:]*)\s*(\(|\{([^}]*)\})?/g)].flatMap(
    ([, metric = "", following, matchers = ""]) => {
      if (following === "(" || words.has(metric.toLowerCase())) return [];
      return [{ metric, labels: [...matchers.matchAll(/(\w+)\s*[=!]/g)].map(([, label = ""]) => label) }];
    },
  );
  return { selectors, grouped };
}

/** Added by Prometheus to whatever it scrapes. */
const scraped = ["instance", "job"];

/** Every metric of an exposition, with the labels of its series. */
function labelsByMetric(exposition: string): Map<string, Set<string>> {
  const metrics = new Map<string, Set<string>>();
  for (const [, name = "", labels = ""] of exposition.matchAll(/^([a-z_]\w*)(?:\{(.*)\})? \S+$/gm)) {
    const known = metrics.get(name) ?? new Set(scraped);
    for (const [, label = ""] of labels.matchAll(/(\w+)="/g)) known.add(label);
    metrics.set(name, known);
  }
  return metrics;
}

const deps = dependencies();

/** Lets everything happen once that the service counts. */
async function traffic(service: ServiceUnderTest): Promise<void> {
  const { model, cluster } = deps;
  const authorization = "Bearer key-a";
  const ask = (question: string, fields = {}, headers = {}) =>
    service.post(JSON.stringify({ ...requestFor(question), ...fields }), { authorization, ...headers });
  const question = freshQuestion();
  await ask(question);
  await eventually(async () => (await ask(question)).cache === "hit");
  await ask(question, { temperature: 1 });
  await ask(question, {}, { authorization: "Bearer wrong" });
  const [damaged, otherType] = [freshQuestion(), freshQuestion()];
  await cluster.nodeOf(keyOf(damaged, "a")).redis.set(keyOf(damaged, "a"), "no entry");
  await cluster.nodeOf(keyOf(otherType, "a")).redis.rpush(keyOf(otherType, "a"), "not even a text");
  await ask(damaged);
  await ask(otherType);
  const asJson = { "content-type": "application/json", authorization };
  await fetch(`${service.url}/v1/cache/invalidate`, {
    ...{ method: "POST", headers: asJson, body: JSON.stringify({ request: requestFor(question) }) },
  });
  await ask(question);
  // Longer than what may be stored.
  model.mode = "flood";
  await ask(freshQuestion(), { stream: true });
  model.mode = "silent";
  // More than the one place of this tenant.
  const b = { authorization: "Bearer key-b" };
  await Promise.all([ask(freshQuestion(), {}, b), ask(freshQuestion(), {}, b)]);
  model.mode = "error";
  model.errorStatus = 503;
  for (let i = 0; i < 30; i++) await ask(freshQuestion());
  const socket = connect(Number(new URL(service.url).port), "127.0.0.1");
  socket.end("no HTTP\r\n\r\n");
  socket.resume();
}

describe("dashboard and rules", () => {
  test("ask only for what a running service tells, by the labels that it has", async () => {
    await using service = await deps.start({
      ...{ BW_API_KEYS: "a:key-a,b:key-b", BW_TENANT_CONCURRENCY: "1", BW_DRAIN_MS: "0" },
      // For the long answer, on a busy machine.
      ...{ BW_DEADLINE_MS: "20000", BW_MODEL_TIMEOUT_MS: "8000" },
    });
    await traffic(service);
    await eventually(
      async () => (await service.metric('http_refused_connections_total{reason="malformed"}')) > 0,
    );
    const metrics = labelsByMetric((await service.get("/metrics")).text);
    const missing: string[] = [];
    for (const expression of expressions) {
      const { selectors, grouped } = readPromQl(expression);
      assert(selectors.length > 0, expression);
      const all = new Set<string>();
      for (const { metric, labels } of selectors) {
        const known = recorded.has(metric) ? new Set(["route"]) : metrics.get(metric);
        if (known === undefined) missing.push(metric);
        for (const label of known ?? []) all.add(label);
        missing.push(
          ...labels.filter((label) => known?.has(label) === false).map((label) => `${metric}{${label}}`),
        );
      }
      missing.push(
        ...grouped.filter((label) => !all.has(label)).map((label) => `by (${label}) of ${expression}`),
      );
    }
    assert.deepEqual([...new Set(missing)], []);
  });

  test("the latency that the rules ask for is an edge of the histogram", async () => {
    await using service = await deps.start();
    await service.ask(freshQuestion());
    const { text } = await service.get("/metrics");
    const limits = expressions.flatMap((expr) =>
      [...expr.matchAll(/le="([^"]+)"/g)].map(([, limit = ""]) => limit),
    );
    assert(limits.length > 0);
    for (const limit of limits) assert(text.includes(`le="${limit}"`), limit);
  });

  test("every alert has a test", async () => {
    const tests = await fileText("service.rules.test.yaml");
    for (const { alert } of rules)
      if (alert !== undefined) assert(tests.includes(`alertname: ${alert}`), alert);
  });
});

describe("the dashboard", () => {
  test("panels have ids of their own and do not overlap", () => {
    const ids = dashboard.panels.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    const taken = new Map<string, number>();
    for (const { id, gridPos } of dashboard.panels) {
      assert(gridPos.x + gridPos.w <= 24, `panel ${id}`);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          assert(!taken.has(`${x} ${y}`), `panels ${taken.get(`${x} ${y}`)} and ${id}`);
          taken.set(`${x} ${y}`, id);
        }
      }
    }
  });

  test("all but rows ask for something, and use no variable that is not there", () => {
    const variables = new Set(["__rate_interval", ...dashboard.templating.list.map(({ name }) => name)]);
    for (const { type, title, targets } of dashboard.panels) {
      assert.equal(targets === undefined, type === "row", title);
      for (const { expr } of targets ?? []) {
        for (const [, name = ""] of expr.matchAll(/\$(\w+)/g))
          assert(variables.has(name), `${title}: $${name}`);
      }
    }
  });
});
