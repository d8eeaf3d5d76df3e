import type { Contents, Deployment } from "../substrates/substrate.ts";
import type { Check, Observation, Proof } from "./evidence.ts";

/**
 * The members held data, and have removed all of them since. By the members' own counts: how many entries there
 * are says little, since load puts new ones in at once, and the oldest go by themselves where memory is short.
 *
 * What it was like before is what the first look has seen, so that look must come before the fault acts. Where it
 * did not, or where a process has begun to count anew, nothing is proven. What has happened stays so: a member that
 * was once seen emptied is not asked again, and may be slow or dead by then.
 */
export function storeEmptied(members: readonly string[]): Proof {
  const before = new Map<string, Contents>();
  const emptied = new Map<string, Observation>();
  const look = async (deployment: Deployment, member: string): Promise<Observation> => {
    const now = await deployment.contents(member);
    const then = before.get(member) ?? now;
    before.set(member, then);
    const holds = then.entries > 0 && now.timesEmptied > then.timesEmptied;
    const how = holds ? "emptied" : then.entries === 0 ? "nothing to remove" : "not emptied";
    const seen = { holds, saw: `${member}: ${how}, entries were ${then.entries} and are ${now.entries}` };
    if (holds) emptied.set(member, seen);
    return seen;
  };
  const inForce: Check = async (deployment) => {
    const seen = await Promise.all(
      members.map(async (member) => emptied.get(member) ?? (await look(deployment, member))),
    );
    return { holds: seen.every(({ holds }) => holds), saw: seen.map(({ saw }) => saw).join("; ") };
  };
  return {
    inForce,
    healed: async (deployment) => {
      const serve = await Promise.all(members.map((member) => deployment.serves(member)));
      const mute = members.filter((_, index) => serve[index] !== true);
      const saw = mute.length === 0 ? "all serve" : `${mute.join(", ")} does not serve`;
      return { holds: mute.length === 0, saw };
    },
  };
}
