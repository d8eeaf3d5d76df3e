import type { Plan, PlannedFault, PlannedSlo, PlannedTarget } from "../../plan/plan.ts";
import { shortList } from "../../reporters/live/event-line.ts";
import { mustFailText, settingsOf } from "../../reporters/wording/settings.ts";
import { faultsByKind, slosByName } from "../../scenario/vocabulary.ts";
import type { Offer } from "../../substrates/substrate.ts";

/** What is going to happen and what it needs, for a person. */
export function planText(plan: Plan, offer: Offer): string {
  const { load } = plan;
  const without = plan.without.length === 0 ? "" : `, without ${plan.without.join(", ")}`;
  const keys = `${load.keys.distribution}${load.keys.distribution === "zipf" ? ` ${load.keys.exponent}` : ""}`;
  const needs = new Set(plan.faults.flatMap(({ kind }) => faultsByKind.get(kind)?.needs ?? []));
  return [
    `${plan.scenario}: ${plan.title}`,
    `  ${plan.hypothesis.replaceAll(/\s+/g, " ").trim()}`,
    "",
    `system    ${plan.system} on ${plan.substrate}, seed ${plan.seed}${without}`,
    `load      ${round(load.ratePerS)}/s for ${seconds(load.durationMs)}: ${keys} over ${load.keys.count} keys, ` +
      `timeout ${seconds(load.timeoutMs)}, ${load.vus} virtual users`,
    `          ${load.script}`,
    ...(load.extraPerS === undefined
      ? []
      : [`          and ${round(load.extraPerS)}/s or more beside it, else INCONCLUSIVE`]),
    ...settingsOf(plan).map(([whose, settings]) => `settings  of ${whose}: ${settings}`),
    `needs     ${list([...needs])}; ${plan.substrate} offers ${list(offer.capabilities)}`,
    "",
    ...timeline(plan),
    "",
    ...plan.slos.map((slo) => `SLO       ${sloText(slo)}`),
    ...(plan.mustFail === undefined ? [] : [`must fail ${mustFailText(plan.mustFail)}`]),
  ].join("\n");
}

function timeline(plan: Plan): string[] {
  const moments = [
    ...plan.phases.map(({ phase, fromMs, untilMs }) => ({
      atMs: fromMs,
      text: `${phase.padEnd(8)}  ${seconds(untilMs - fromMs)}`,
    })),
    ...plan.faults.flatMap((fault) => [
      { atMs: fault.atMs, text: `  ${faultText(fault)}` },
      { atMs: fault.atMs + fault.forMs, text: `  ${fault.kind} healed` },
    ]),
    { atMs: plan.load.durationMs, text: "end" },
  ];
  return moments
    .sort((a, b) => a.atMs - b.atMs)
    .map(({ atMs, text }) => `${seconds(atMs).padStart(8)}  ${text}`);
}

function faultText({ kind, target, params }: PlannedFault): string {
  const given = Object.entries(params).map(([name, value]) => `${name} ${String(value)}`);
  return [kind, targetText(target), ...given].filter((part) => part !== "").join(", ");
}

function targetText(target: PlannedTarget): string {
  if (target.hits === "nothing") return "";
  const numbers = shortList(target.ranks.map((rank) => `#${rank}`));
  const what = target.hits === "member" ? target.of : target.to;
  const members = `${what}'s ${target.role ?? "member"}${target.ranks.length > 1 ? "s" : ""} ${numbers}`;
  return target.hits === "member" ? members : `links from ${target.from} to ${members}`;
}

function sloText({ slo, limit, during }: PlannedSlo): string {
  const definition = slosByName.get(slo);
  const asked = definition === undefined ? slo : definition.describe(definition.limit.parse(limit));
  return `${asked}${during.length === 0 ? "" : `, during ${during.join(" and ")}`}`;
}

function list(words: readonly string[]): string {
  return words.length === 0 ? "nothing" : words.join(", ");
}

function seconds(ms: number): string {
  return `${round(ms / 1000)} s`;
}

function round(value: number): string {
  return String(Math.round(value * 100) / 100);
}
