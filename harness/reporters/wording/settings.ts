import type { Plan } from "../../plan/plan.ts";

const secretWord =
  /(?:key|token|secret|passw(?:or)?d|passphrase|pwd|credential)s?$|^(?:pass|auth|authorization)$/i;

/**
 * What the scenario and thrown switches set for this run, by whom it is for: services, and the load script. The rest
 * of an environment is not in the plan. A value that may be a secret by its name, and a password within another, are
 * not shown.
 */
export function settingsOf({ env, load }: Plan): readonly (readonly [whose: string, settings: string])[] {
  return [...Object.entries(env), ["load", load.env] as const]
    .map(([whose, settings]) => [whose, Object.entries(settings).map(settingText).join(", ")] as const)
    .filter(([, settings]) => settings !== "");
}

function settingText([name, value]: readonly [string, string]): string {
  return `${name}=${isSecret(name, value) ? "…" : withoutPasswords(value)}`;
}

/** By a word of its name: `API_KEYS`, `DB_PWD`; but `MAX_TOKENS=100` is a number of them, and `KEYSPACE` no such word. */
function isSecret(name: string, value: string): boolean {
  const words = name.split(/[^A-Za-z]+/);
  const isCount = /s$/i.test(name) && /^\d+$/.test(value);
  return !isCount && words.some((word) => secretWord.test(word));
}

/** In an address, `//user:password@`; in a query or a list of parameters, `token=…`. */
function withoutPasswords(value: string): string {
  return value
    .replaceAll(/\/\/[^/\s]*@/g, "//…@")
    .replaceAll(/([\w.-]+)=('[^']*'|"[^"]*"|[^&;\s]*)/g, (all, name: string, given: string) =>
      isSecret(name, given) ? `${name}=…` : all,
    );
}

/** The change with which the scenario says that it must fail, whether or not this run makes it. */
export function mustFailText(change: NonNullable<Plan["mustFail"]>): string {
  if ("without" in change) return `without ${change.without}`;
  const { slo, limit, during } = change.slo;
  const when = during.length === 0 ? "" : ` during ${during.join(" and ")}`;
  return `with ${slo} ${typeof limit === "string" ? limit : JSON.stringify(limit)}${when}`;
}
