import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BreakwaterError } from "../errors.ts";
import type { FaultSpec, Scenario, SloSpec } from "../scenario/scenario.ts";
import type { Target } from "../scenario/target.ts";
import type { Offer } from "../substrates/substrate.ts";
import { type System, systemSchema } from "../system/system.ts";
import { makePlan, type PlanRequest } from "./make-plan.ts";
import type { PlannedTarget } from "./plan.ts";

const everything: Offer = {
  capabilities: ["kill", "start", "pause", "resume", "empty", "latency", "silent", "refused", "lifetime"],
  limits: [],
};

function systemOf(redis: { readonly masters: number; readonly replicasPerMaster: number }): System {
  const ready = { path: "/ready" };
  const switches = { breaker: { BREAKER: "off" }, timeout: { TIMEOUT: "off" } };
  const env = {
    REDIS: "{{ redis.addresses }},{{ redis.addresses }}",
    MODEL: "{{ model.url }}",
    MAIL: "{{ mail.addresses }}",
    MUTE: "{{ mute.addresses }}",
  };
  const described = {
    name: "tiny",
    services: {
      api: { port: "PORT", replicas: 2, ready, env, switches },
      model: { port: "PORT", ready, switches: { timeout: { MODEL_TIMEOUT: "off" } } },
    },
    stores: {
      redis: { kind: "redis-cluster", ...redis },
      mail: { kind: "tcp", address: "127.0.0.1:25", probe: "NOOP\r\n" },
      mute: { kind: "tcp", address: "127.0.0.1:9" },
    },
    entry: "api",
    load: { script: "load/script.ts", reports: ["cache"], reads: ["COLOUR"] },
  };
  return { ...systemSchema.parse(described), folder: "/somewhere" };
}

const system = systemOf({ masters: 3, replicasPerMaster: 1 });

function kill(target: Partial<Extract<Target, { hits: "member" }>>): FaultSpec {
  const redis = { hits: "member", of: { kind: "store", name: "redis" }, pick: "one" } as const;
  return { kind: "kill-node", target: { ...redis, ...target }, atMs: 0, forMs: 1000, params: {} };
}

function slow(target: Partial<Extract<Target, { hits: "link" }>>): FaultSpec {
  const link = { hits: "link", from: "api", to: "redis", pick: "all" } as const;
  return {
    kind: "latency",
    target: { ...link, ...target },
    atMs: 500,
    forMs: 1000,
    params: { delay: "400ms" },
  };
}

const availability: SloSpec = { slo: "availability", limit: "99%", during: ["baseline"] };

const scenario: Scenario = {
  title: "A title",
  hypothesis: "Something holds",
  load: {
    ratePerS: 30,
    keys: { distribution: "zipf", exponent: 1, count: 10 },
    timeoutMs: 3000,
    env: { COLOUR: "blue" },
  },
  phases: { warmup: 1000, baseline: 2000, fault: 3000, recovery: 4000 },
  env: { api: { FRESH_MS: "2000", BREAKER: "on" } },
  faults: [kill({ role: "master" })],
  slos: [availability],
  mustFail: { without: "breaker" },
  seed: 7,
};

function planned(changes: Partial<Scenario>, request: Partial<PlanRequest> = {}) {
  return makePlan({
    scenario: { ...scenario, ...changes },
    scenarioName: "some-scenario",
    system,
    substrateName: "local",
    offer: everything,
    ...request,
  });
}

/** The code of each reason why there is no plan. */
function refusals(changes: Partial<Scenario>, request: Partial<PlanRequest> = {}): readonly string[] {
  const error = refusal(() => planned(changes, request));
  assert.equal(error.code, "PLAN_REFUSED");
  const [, ...lines] = error.message.split("\n");
  return lines.map((line) => line.trim().split(": ")[0] ?? "");
}

function refusal(plan: () => unknown): BreakwaterError {
  try {
    plan();
  } catch (error) {
    assert.ok(error instanceof BreakwaterError, String(error));
    assert.equal(error.kind, "BAD_INPUT");
    return error;
  }
  return assert.fail("nothing was refused");
}

function ranksOf(target: PlannedTarget | undefined): readonly number[] {
  assert.ok(target !== undefined && target.hits !== "nothing");
  return target.ranks;
}

test("a plan says all that is going to happen", () => {
  assert.deepEqual(planned({ faults: [slow({ role: "replica" })] }, { without: ["breaker"] }), {
    version: 1,
    scenario: "some-scenario",
    title: "A title",
    hypothesis: "Something holds",
    system: "tiny",
    substrate: "local",
    seed: 7,
    without: ["breaker"],
    env: { api: { FRESH_MS: "2000", BREAKER: "off" } },
    load: {
      script: "/somewhere/load/script.ts",
      reports: ["cache"],
      reads: ["COLOUR"],
      ratePerS: 30,
      keys: { distribution: "zipf", exponent: 1, count: 10 },
      timeoutMs: 3000,
      env: { COLOUR: "blue" },
      vus: 105,
      durationMs: 10_000,
    },
    phases: [
      { phase: "warmup", fromMs: 0, untilMs: 1000 },
      { phase: "baseline", fromMs: 1000, untilMs: 3000 },
      { phase: "fault", fromMs: 3000, untilMs: 6000 },
      { phase: "recovery", fromMs: 6000, untilMs: 10_000 },
    ],
    faults: [
      {
        id: "0-latency",
        kind: "latency",
        target: { hits: "link", from: "api", to: "redis", role: "replica", ranks: [0, 1, 2] },
        atMs: 3500,
        forMs: 1000,
        params: { delay: "400ms" },
      },
    ],
    slos: [availability],
    mustFail: { without: "breaker" },
  });
});

test("a load that sends more beside its requests has as many virtual users again, to hold them", () => {
  const extra = { ...scenario, load: { ...scenario.load, extraPerS: 200 } };
  const reporting = { ...system, load: { ...system.load, reports: ["extra" as const] } };
  const { load } = planned(extra, { system: reporting });
  assert.deepEqual([load.vus, load.extraPerS], [210, 200]);
});

test("any service gets settings of its own", () => {
  const { env } = planned({ env: { model: { MAX_BATCH: "4" }, api: { FRESH_MS: "1" } } });
  assert.deepEqual(env, { model: { MAX_BATCH: "4" }, api: { FRESH_MS: "1" } });
});

test("the phases that a scenario leaves out are not planned", () => {
  const plan = planned({ phases: { warmup: 1000, baseline: 2000 }, faults: [] });
  assert.deepEqual(
    plan.phases.map(({ phase }) => phase),
    ["warmup", "baseline"],
  );
  assert.equal(plan.load.durationMs, 3000);
});

test("a switch is thrown wherever it is, and once", () => {
  const { env, without } = planned({ env: {} }, { without: ["timeout", "timeout"] });
  assert.deepEqual(env, { api: { TIMEOUT: "off" }, model: { MODEL_TIMEOUT: "off" } });
  assert.deepEqual(without, ["timeout"]);
});

const members = fc.record({ masters: fc.integer({ min: 3, max: 9 }), replicasPerMaster: fc.nat(2) });
const share = fc.constantFrom("one", "minority", "majority", "all");
const seeds = fc.nat();

test("the same request gives the same plan, and a seed of the command line outranks the scenario's", () => {
  fc.assert(
    fc.property(members, share, seeds, (redis, pick, seed) => {
      const request = { system: systemOf(redis), seed };
      const plan = planned({ faults: [kill({ pick }), kill({})] }, request);
      assert.deepEqual(planned({ faults: [kill({ pick }), kill({})] }, request), plan);
      assert.deepEqual(
        planned({ faults: [kill({ pick }), kill({})], seed }, { system: request.system }),
        plan,
      );
      assert.equal(plan.seed, seed);
    }),
  );
});

test("draws lie within the members that match, and are as many as the words say", () => {
  fc.assert(
    fc.property(members, share, fc.constantFrom("master", undefined), seeds, (redis, pick, role, seed) => {
      const of = role === "master" ? redis.masters : redis.masters * (1 + redis.replicasPerMaster);
      const fault = kill({ pick, ...(role === undefined ? {} : { role }) });
      const ranks = ranksOf(
        planned({ faults: [fault], seed }, { system: systemOf(redis) }).faults[0]?.target,
      );
      assert.ok(ranks.every((rank) => rank >= 0 && rank < of));
      assert.equal(new Set(ranks).size, ranks.length);
      switch (pick) {
        case "one":
          return assert.equal(ranks.length, 1);
        case "minority":
          return assert.ok(ranks.length > 0 && 2 * ranks.length < of && 2 * (ranks.length + 1) >= of);
        case "majority":
          return assert.ok(2 * ranks.length > of && 2 * (ranks.length - 1) <= of);
        case "all":
          return assert.deepEqual(ranks, [...Array(of).keys()]);
      }
    }),
  );
});

test("every member is drawn with some seed", () => {
  const drawn = Array.from({ length: 100 }, (_, seed) => ranksOf(planned({ seed }).faults[0]?.target)[0]);
  assert.deepEqual(new Set(drawn), new Set([0, 1, 2]));
});

test("chosen members are hit as chosen, in order", () => {
  assert.deepEqual(ranksOf(planned({ faults: [kill({ pick: [4, 0] })] }).faults[0]?.target), [0, 4]);
});

test("links lead to a model, to a plain TCP dependency, and between the nodes of a cluster", () => {
  const faults = [
    slow({ to: "model" }),
    slow({ to: "mail", pick: "one" }),
    slow({ from: "redis", to: "redis", role: "master", pick: "all" }),
  ];
  assert.deepEqual(
    planned({ faults }).faults.map(({ target }) => ranksOf(target)),
    [[0], [0], [0, 1, 2]],
  );
});

const service = (name: string) => ({ of: { kind: "service", name } as const });
const store = (name: string) => ({ of: { kind: "store", name } as const });
const without = systemOf({ masters: 3, replicasPerMaster: 0 });
const refused: Readonly<Record<string, readonly [string, Partial<Scenario>, Partial<PlanRequest>?]>> = {
  "a role that nobody has": ["EMPTY_TARGET", { faults: [kill({ role: "replica" })] }, { system: without }],
  "links to a role that nobody has": [
    "EMPTY_TARGET",
    { faults: [slow({ role: "replica" })] },
    { system: without },
  ],
  "a minority of two": ["EMPTY_TARGET", { faults: [kill({ ...service("api"), pick: "minority" })] }],
  "a member beyond the last": ["EMPTY_TARGET", { faults: [kill({ role: "master", pick: [0, 3] })] }],
  "a fault on a link to what answers nothing that is known": [
    "NOT_PROVABLE",
    { faults: [slow({ to: "mute" })] },
  ],
  "a process of a plain TCP dependency": ["EMPTY_TARGET", { faults: [kill(store("mail"))] }],
  "a store that is not there": ["UNKNOWN_STORE", { faults: [kill(store("reddis"))] }],
  "a store that is a service": ["UNKNOWN_STORE", { faults: [kill(store("api"))] }],
  "a name that every object has": ["UNKNOWN_STORE", { faults: [kill(store("constructor"))] }],
  "a service that is not there": ["UNKNOWN_SERVICE", { faults: [kill(service("apii"))] }],
  "settings for a service that is not there": ["UNKNOWN_SERVICE", { env: { apii: { A: "1" } } }],
  "a link that no environment makes": ["UNKNOWN_LINK", { faults: [slow({ from: "model" })] }],
  "a link to nowhere": ["UNKNOWN_LINK", { faults: [slow({ to: "reddis" })] }],
  "a switch that is not there": ["UNKNOWN_SWITCH", {}, { without: ["braker"] }],
  "a substrate that cannot kill": ["NOT_OFFERED", {}, { offer: { capabilities: ["start"], limits: [] } }],
  "an SLO of what is not reported": [
    "FIELD_NOT_REPORTED",
    { slos: [{ slo: "answers", limit: "correct", during: [] }] },
  ],
  "extra load that the script does not report": [
    "FIELD_NOT_REPORTED",
    { load: { ...scenario.load, extraPerS: 200 } },
  ],
  "an SLO of a phase that is not there": [
    "SLO_PHASE_MISSING",
    { phases: { warmup: 1, baseline: 1, fault: 1000 }, slos: [{ ...availability, during: ["recovery"] }] },
  ],
  "recovery without a fault": [
    "SLO_PHASE_MISSING",
    {
      phases: { warmup: 1, baseline: 1 },
      faults: [],
      slos: [
        {
          slo: "recovered",
          limit: { availability: "99%", heldFor: "1s", within: "1s", after: "heal" },
          during: [],
        },
      ],
    },
  ],
};

for (const [what, [code, changes, request]] of Object.entries(refused)) {
  test(`${what} is refused`, () => assert.deepEqual(refusals(changes, request), [code]));
}

test("all reasons against a plan are told at once, with what the substrate says of its limits", () => {
  const changes = {
    faults: [kill(store("reddis")), slow({ to: "reddis" }), kill({ pick: [9] })],
    slos: [{ slo: "answers", limit: "correct", during: [] }],
  };
  const request = {
    without: ["braker"],
    offer: { capabilities: [], limits: ["there is no such signal here"] },
  };
  assert.deepEqual(
    new Set(refusals(changes, request)),
    new Set([
      "EMPTY_TARGET",
      "FIELD_NOT_REPORTED",
      "NOT_OFFERED",
      "UNKNOWN_LINK",
      "UNKNOWN_STORE",
      "UNKNOWN_SWITCH",
    ]),
  );
  assert.match(refusal(() => planned(changes, request)).hint ?? "", /no such signal/);
});

test("a scenario names the change that makes it fail: a switch, or an SLO", () => {
  assert.deepEqual(planned({}, { mustFail: true }).without, ["breaker"]);
  const slo: SloSpec = { slo: "latency", limit: { p50: "1us" }, during: [] };
  assert.deepEqual(planned({ mustFail: { slo } }, { mustFail: true }).slos, [availability, slo]);
  assert.deepEqual(planned({ mustFail: { slo } }).slos, [availability]);
});

test("a change that the system does not know is refused in every plan, with the switch that was probably meant", () => {
  const changes: Partial<Scenario> = { mustFail: { without: "braker" } };
  for (const mustFail of [undefined, true]) {
    assert.deepEqual(refusals(changes, { mustFail }), ["UNKNOWN_SWITCH"]);
    assert.match(refusal(() => planned(changes, { mustFail })).message, /"braker".*did you mean "breaker"\?/);
  }
});

test("a change that there is none of is missed only where it is asked for", () => {
  const { mustFail: _, ...unchanging } = scenario;
  assert.deepEqual(planned({}, { scenario: unchanging }).without, []);
  assert.equal(
    refusal(() => planned({}, { scenario: unchanging, mustFail: true })).code,
    "MUST_FAIL_MISSING",
  );
});
