import { BreakwaterError } from "../errors.ts";
import type { PlannedTarget } from "../plan/plan.ts";
import type { Deployment, Member, Role } from "../substrates/substrate.ts";

/**
 * Who a fault hits, now that it begins: roles are those of this moment.
 *
 * @throws BreakwaterError TARGET_GONE when fewer members match than the plan has drawn from
 */
export async function resolveTarget(target: PlannedTarget, deployment: Deployment): Promise<string[]> {
  switch (target.hits) {
    case "nothing":
      return [];
    case "member":
      return (await drawn(target.of, target.role, target.ranks, deployment)).map(({ id }) => id);
    case "link": {
      const to = new Set((await drawn(target.to, target.role, target.ranks, deployment)).map(({ id }) => id));
      const from = new Set(deployment.members.filter(({ of }) => of === target.from).map(({ id }) => id));
      return deployment.links.filter((link) => from.has(link.from) && to.has(link.to)).map(({ id }) => id);
    }
  }
}

async function drawn(
  of: string,
  role: Role | undefined,
  ranks: readonly number[],
  deployment: Deployment,
): Promise<Member[]> {
  const members = deployment.members.filter((member) => member.of === of);
  const roles = await Promise.all(
    members.map(({ id }) => (role === undefined ? undefined : deployment.role(id).catch(() => "unknown"))),
  );
  const matching = members.filter((_, index) => roles[index] === role);
  return ranks.map((rank) => {
    const member = matching[rank];
    if (member !== undefined) return member;
    throw new BreakwaterError(
      "HARNESS_ERROR",
      "TARGET_GONE",
      `Cannot hit ${role ?? "member"} number ${rank} of "${of}": only ${matching.length} are there now`,
    );
  });
}
