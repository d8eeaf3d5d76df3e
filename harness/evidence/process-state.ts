import type { Deployment, MemberState } from "../substrates/substrate.ts";
import type { Check, Proof } from "./evidence.ts";

/**
 * The members' processes are gone, and nobody answers in their place (a wrapper may have died and left its child);
 * healed when each runs and serves again.
 */
export function processGone(members: readonly string[]): Proof {
  return {
    inForce: every(members, (state) => state.process === "gone" && !state.serving),
    healed: every(members, (state) => state.process === "running" && state.serving),
  };
}

/** The members' processes are stopped by a signal; healed when each runs and serves again. */
export function processStopped(members: readonly string[]): Proof {
  return {
    inForce: every(members, (state) => state.process === "stopped"),
    healed: every(members, (state) => state.process === "running" && state.serving),
  };
}

function every(members: readonly string[], holds: (state: MemberState) => boolean): Check {
  return async (deployment: Deployment) => {
    const states = await Promise.all(
      members.map(async (member) => ({ member, state: await deployment.observe(member) })),
    );
    return {
      holds: states.every(({ state }) => holds(state)),
      saw: states.map(({ member, state }) => `${member}: ${words(state)}`).join(", "),
    };
  };
}

function words({ process, identity, serving }: MemberState): string {
  if (process === "gone") return serving ? "no process, and yet it answers" : "no process";
  return `process ${identity} ${process}, ${serving ? "answers" : "does not answer"}`;
}
