import type {
  Contents,
  Deployment,
  HoldResult,
  Operation,
  ProbeResult,
  ProcessState,
  Role,
} from "../substrates/substrate.ts";

/** A deployment without a system: what it is asked to do is kept, and what is seen of it is the test's word. */
export function fakeDeployment(seen: {
  readonly perform?: (operation: Operation) => void | Promise<void>;
  readonly observe?: (member: string) => ProcessState;
  readonly serves?: (member: string) => boolean;
  readonly contents?: (member: string) => Contents;
  readonly probe?: (link: string) => ProbeResult;
  readonly ask?: (member: string) => ProbeResult;
  readonly hold?: (link: string) => HoldResult;
  readonly holdDirectly?: (member: string) => HoldResult;
  readonly role?: (member: string) => Role;
}): Deployment & { readonly performed: Operation[] } {
  const performed: Operation[] = [];
  const nodes = ["redis-0", "redis-1", "redis-2"];
  return {
    performed,
    entry: new URL("http://127.0.0.1:1"),
    members: [{ id: "api-0", of: "api" }, ...nodes.map((id) => ({ id, of: "redis" }))],
    links: nodes.map((to) => ({ id: `api-0>${to}`, from: "api-0", to })),
    addresses: {},
    broken: new Promise(() => {}),
    role: async (member) => seen.role?.(member) ?? "master",
    async perform(operation) {
      performed.push(operation);
      await seen.perform?.(operation);
    },
    observe: async (member) => seen.observe?.(member) ?? { state: "running", identity: "1@1" },
    serves: async (member) => seen.serves?.(member) ?? true,
    contents: async (member) => seen.contents?.(member) ?? { entries: 0, timesEmptied: 0 },
    probe: async (link) => seen.probe?.(link) ?? { outcome: "answered", rttMs: 1 },
    ask: async (member) => seen.ask?.(member) ?? { outcome: "answered", rttMs: 1 },
    hold: async (link) => seen.hold?.(link) ?? { outcome: "held", afterMs: 1 },
    holdDirectly: async (member) => seen.holdDirectly?.(member) ?? { outcome: "held", afterMs: 1 },
    traffic: async () => ({ entry: {}, links: {} }),
    launch: async () => Promise.reject(new Error("no jobs here")),
    [Symbol.asyncDispose]: async () => {},
  };
}
