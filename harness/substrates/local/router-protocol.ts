import type { Traffic } from "../substrate.ts";

/** How the router knows from whom a connection comes. */
export interface Source {
  readonly id: string;
  /** A node dials out from an address of its own. */
  readonly address?: string;
  /** A service replica is known by the process that holds the client's socket; absent while it does not run. */
  readonly pid?: number;
  /** Probes in this member's place dial from here, where that is not told by the listener. */
  readonly probeAddress: string;
}

export interface Target {
  readonly host: string;
  readonly port: number;
}

/** An address that the router listens on, and where its connections lead. */
export interface Listener {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly destinations: readonly Destination[];
  /** The only source that is told this address. Absent: whoever comes is looked up. */
  readonly source?: string;
}

export interface Destination {
  readonly id: string;
  /** Present: the connection leads to the proxy of the link from its source. Absent: straight to `direct`. */
  readonly proxies?: Readonly<Record<string, Target>>;
  readonly direct: Target;
  /** A probe that dials from here wants this destination, ready or not. */
  readonly probeAddress?: string;
  /** Only destinations whose ready path answers 200 get connections. Absent: always ready. */
  readonly readyPath?: string;
}

export type ToRouter =
  | {
      readonly type: "configure";
      readonly sources: readonly Source[];
      readonly listeners: readonly Listener[];
    }
  | { readonly type: "source-pid"; readonly id: string; readonly pid: number }
  /** A dead process has no listener: connecting to it is refused by the kernel, and so it is here. */
  | { readonly type: "listen"; readonly destination: string; readonly on: boolean }

  /** Connections of the link live for so long; absent: for ever. */
  | { readonly type: "lifetime"; readonly link: string; readonly lifetimeMs?: number };

export type FromRouter =
  | { readonly type: "ready" }
  | { readonly type: "failed"; readonly message: string }
  /** Sent each `reportEveryMs`: the harness keeps the last. */
  | { readonly type: "report"; readonly traffic: Traffic }
  | { readonly type: "bypass"; readonly to: string; readonly from: string };

export const reportEveryMs = 250;

/** How old the router's knowledge of a replica's readiness may be. */
export const readinessStalenessMs = 500;
