import type { Deployment, ProcessState } from "../substrates/substrate.ts";
import type { Check, Observation, Proof } from "./evidence.ts";

/** How long what stands in a dead or frozen member's place gets to answer. */
const askTimeoutMs = 200;

/**
 * The members' processes are gone, and nobody answers in their place (a wrapper may have died and left its child);
 * healed when each runs and serves again.
 */
export function processGone(members: readonly string[]): Proof {
  return {
    inForce: every(members, async (deployment, member) => {
      const { state, identity } = await deployment.observe(member);
      if (state !== "gone") return { holds: false, saw: words(state, identity) };
      const { outcome } = await deployment.ask(member, askTimeoutMs);
      // Where there is nothing, the kernel refuses at once.
      return outcome === "refused"
        ? { holds: true, saw: "no process, and connecting is refused" }
        : { holds: false, saw: `no process, and yet connecting is ${outcome}` };
    }),
    healed: every(members, runsAndServes),
  };
}

/** The members' processes are stopped by a signal, and nobody answers for them; healed when each runs and serves again. */
export function processStopped(members: readonly string[]): Proof {
  return {
    inForce: every(members, async (deployment, member) => {
      const [{ state, identity }, { outcome }] = await Promise.all([
        deployment.observe(member),
        deployment.ask(member, askTimeoutMs),
      ]);
      const saw = `${words(state, identity)}, ${outcome === "answered" ? "and yet it answers" : "does not answer"}`;
      return { holds: state === "stopped" && outcome !== "answered", saw };
    }),
    healed: every(members, runsAndServes),
  };
}

async function runsAndServes(deployment: Deployment, member: string): Promise<Observation> {
  const { state, identity } = await deployment.observe(member);
  if (state !== "running") return { holds: false, saw: words(state, identity) };
  const serves = await deployment.serves(member);
  return { holds: serves, saw: `${words(state, identity)}, ${serves ? "serves" : "does not serve yet"}` };
}

function every(
  members: readonly string[],
  look: (deployment: Deployment, member: string) => Promise<Observation>,
): Check {
  return async (deployment) => {
    const seen = await Promise.all(members.map((member) => look(deployment, member)));
    return {
      holds: seen.every(({ holds }) => holds),
      saw: seen.map(({ saw }, index) => `${members[index]}: ${saw}`).join("; "),
    };
  };
}

function words(state: ProcessState["state"], identity: string): string {
  return state === "gone" ? "no process" : `process ${identity} ${state}`;
}
