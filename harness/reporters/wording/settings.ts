import type { Plan } from "../../plan/plan.ts";

const secretName = /key|token|secret|passw|credential|auth/i;

/**
 * What the scenario and thrown switches set for this run, by whom it is for: services, and the load script. The rest
 * of an environment is not in the plan. A value that may be a secret by its name, and a password in an address, are
 * not shown.
 */
export function settingsOf({ env, load }: Plan): readonly (readonly [whose: string, settings: string])[] {
  return [...Object.entries(env), ["load", load.env] as const]
    .map(([whose, settings]) => [whose, Object.entries(settings).map(settingText).join(", ")] as const)
    .filter(([, settings]) => settings !== "");
}

function settingText([name, value]: readonly [string, string]): string {
  const shown = secretName.test(name) ? "…" : value.replaceAll(/\/\/[^/@\s]*@/g, "//…@");
  return `${name}=${shown}`;
}

/** The change with which the scenario says that it must fail, whether or not this run makes it. */
export function mustFailText(change: NonNullable<Plan["mustFail"]>): string {
  if ("without" in change) return `without ${change.without}`;
  const { slo, limit, during } = change.slo;
  const when = during.length === 0 ? "" : ` during ${during.join(" and ")}`;
  return `with ${slo} ${typeof limit === "string" ? limit : JSON.stringify(limit)}${when}`;
}
