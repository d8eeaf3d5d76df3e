import type { EventBody, LinkTraffic } from "../journal/event.ts";
import type { System } from "../system/system.ts";
import type { Tools } from "../toolchain/tools.ts";

/** Where the system under test runs: child processes, containers, pods, or somewhere already. */
export interface Substrate {
  readonly name: string;
  /** What can be done on this machine. The planner refuses what is not offered before anything starts. */
  offer(): Promise<Offer>;
  /** Why this system cannot run here at all, one sentence each; empty where it can. */
  unfit(system: System): readonly string[];
  /**
   * Starts the system and resolves when every part is ready. A start that fails or is aborted leaves nothing.
   * @throws BreakwaterError with the last lines of the log of the process that did not come up
   */
  start(system: System, options: StartOptions, signal: AbortSignal): Promise<Deployment>;
  /**
   * Ends what runs that were killed have left, by the records in their folders; runs that are on, and what this
   * substrate did not start, stay untouched.
   *
   * @param runsDir the folder of one run, or one that holds the folders of runs; it need not exist
   */
  clean(runsDir: string): Promise<Leftovers>;
}

export interface Leftovers {
  /** What was still running, and was ended: `2026-…-node-kill: redis-2 (pid 4711)`. */
  readonly processes: readonly string[];
  /** Folders that were removed. */
  readonly folders: readonly string[];
}

export interface Offer {
  readonly capabilities: readonly Capability[];
  /** Why a capability is missing, or why nothing can run here; one sentence each. */
  readonly limits: readonly string[];
}

export interface StartOptions {
  readonly runId: string;
  /** Where logs and the ledger of what was started go; it exists. */
  readonly runDir: string;
  /** Environment added to each service, by service: switches and the scenario's own settings. */
  readonly env: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly tools: Tools;
  readonly record: (source: string, body: EventBody) => void;
  /** Aborted when there is no time left: what still runs is then killed without grace. */
  readonly hurry: AbortSignal;
}

/** A running system. Disposing it stops all that it started, and nothing else. */
export interface Deployment extends AsyncDisposable {
  /** Where the load goes. */
  readonly entry: URL;
  readonly members: readonly Member[];
  readonly links: readonly Link[];
  /** Further addresses for a person to look at, by name. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Rejects when a part that is the harness's own has died, such as a proxy: the run is then worth nothing. */
  readonly broken: Promise<never>;
  /** The role of a store's member at this moment. */
  role(member: string): Promise<Role | undefined>;
  /** Carries out one operation. Repeating one is harmless. Rejects when it cannot be done in time. */
  perform(operation: Operation): Promise<void>;
  /** The member's process as the operating system sees it; never what an operation said. */
  observe(member: string): Promise<ProcessState>;
  /** Whether the member answers its own protocol when asked directly, past all links, and is fit for use. */
  serves(member: string): Promise<boolean>;
  /** What a store's member says of its data when asked directly. Rejects when it does not answer, or holds none by its nature. */
  contents(member: string): Promise<Contents>;
  /** One exchange over the link, from its source's place, on a connection of its own. */
  probe(link: string, timeoutMs: number): Promise<ProbeResult>;
  /** The same exchange with the member itself, past all links. */
  ask(member: string, timeoutMs: number): Promise<ProbeResult>;
  /** Opens a connection over the link, from its source's place, sends nothing, and tries to keep it for so long. */
  hold(link: string, forMs: number): Promise<HoldResult>;
  /** The same with the member itself, past all links. */
  holdDirectly(member: string, forMs: number): Promise<HoldResult>;
  /** What has passed so far, as seen on the sources' side. */
  traffic(): Promise<Traffic>;
  /** Runs a program beside the entry's clients, such as the load generator. It ends with the deployment. */
  launch(job: JobSpec): Promise<Job>;
}

export type Role = "master" | "replica";

/** One replica of a service or one node of a store, named `api-0`, `redis-2`. */
export interface Member {
  readonly id: string;
  /** The service or store that it belongs to. */
  readonly of: string;
}

/** Everything that `from` and `to` say to each other on connections that `from` opens; named `api-0>redis-2`. */
export interface Link {
  readonly id: string;
  readonly from: string;
  readonly to: string;
}

/** What can be done to a running system; plain data, so that another process can carry it out. */
export type Operation =
  | { readonly op: "kill" | "start" | "pause" | "resume"; readonly member: string }
  /** Removes all data of a store's master; what replicates it loses them too. Done again, it finds less to remove. */
  | { readonly op: "empty"; readonly member: string }
  /** Shapes stand side by side under their own names; a name is given once. */
  | { readonly op: "shape"; readonly link: string; readonly as: string; readonly shape: Shape }
  | { readonly op: "unshape"; readonly link: string; readonly as: string };

export type Shape =
  /** Each answer on the link comes this much later. */
  | { readonly kind: "latency"; readonly delayMs: number; readonly jitterMs: number }
  /** Connections are accepted, and no byte passes in either direction. */
  | { readonly kind: "silent" }
  /** Connections are closed at once, those that stand and those that come. */
  | { readonly kind: "refused" }
  /** Each connection is reset when it has lived for so long. */
  | { readonly kind: "lifetime"; readonly lifetimeMs: number };

export type Capability = Exclude<Operation["op"], "shape" | "unshape"> | Shape["kind"];

export interface Traffic {
  /** How many connections the entry has handed to each replica. */
  readonly entry: Readonly<Record<string, number>>;
  readonly links: Readonly<Record<string, LinkTraffic>>;
}

export interface ProcessState {
  readonly state: "running" | "stopped" | "gone";
  /** What tells this process from a later one under the same name; empty when it is gone. */
  readonly identity: string;
}

export interface Contents {
  readonly entries: number;
  /** How often all of its data have been removed since its process began, by its own count. */
  readonly timesEmptied: number;
}

export interface ProbeResult {
  readonly outcome: "answered" | "silent" | "refused";
  /** From the first byte sent to the first byte back; of an answer only. */
  readonly rttMs?: number;
}

export interface HoldResult {
  readonly outcome: "held" | "broken" | "not-connected";
  /** From the attempt to connect to its end. */
  readonly afterMs: number;
}

export interface JobSpec {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  /** Which variables of the harness's own environment it sees beside `env`. */
  readonly inherits: (name: string) => boolean;
  readonly cwd: string;
}

export interface Job {
  readonly pid: number;
  readonly stdout: NodeJS.ReadableStream;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  /** Asks it to stop, then makes it. */
  stop(): Promise<void>;
}
