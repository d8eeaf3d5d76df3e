import type { Deployment, ProcessState } from "../substrates/substrate.ts";
import type { Check, Proof } from "./evidence.ts";

/**
 * The members' processes are gone, and nobody answers in their place (a wrapper may have died and left its child);
 * healed when each runs and serves again.
 */
export function processGone(members: readonly string[]): Proof {
  return {
    inForce: every(members, async ({ state }, serves) => state === "gone" && !(await serves())),
    healed: every(members, runsAndServes),
  };
}

/** The members' processes are stopped by a signal; healed when each runs and serves again. */
export function processStopped(members: readonly string[]): Proof {
  return {
    // Not asked whether it serves: a frozen process does not say no, and waiting for that would take longer
    // than some faults last.
    inForce: every(members, async ({ state }) => state === "stopped"),
    healed: every(members, runsAndServes),
  };
}

type Serves = () => Promise<boolean>;

async function runsAndServes({ state }: ProcessState, serves: Serves): Promise<boolean> {
  return state === "running" && (await serves());
}

function every(
  members: readonly string[],
  holds: (process: ProcessState, serves: Serves) => Promise<boolean>,
): Check {
  return async (deployment: Deployment) => {
    const seen = await Promise.all(
      members.map(async (member) => {
        let said = "";
        const process = await deployment.observe(member);
        const held = await holds(process, async () => {
          const answer = await deployment.serves(member);
          said = answer ? ", answers" : ", does not answer";
          return answer;
        });
        return { held, saw: `${member}: ${words(process)}${said}` };
      }),
    );
    return { holds: seen.every(({ held }) => held), saw: seen.map(({ saw }) => saw).join("; ") };
  };
}

function words({ state, identity }: ProcessState): string {
  return state === "gone" ? "no process" : `process ${identity} ${state}`;
}
