import type { Deployment, ProbeResult } from "../substrates/substrate.ts";
import type { Check, Observation, Proof } from "./evidence.ts";

/** How long a probe waits before it calls a link silent; an unharmed link answers within a few ms. */
const silentAfterMs = 300;

/** Probes of the harmed links answer, and come at least `byMs` × 0.8 later than those of an unharmed link. */
export function linksSlowed(links: readonly string[], byMs: number): Proof {
  const extraMs = byMs * 0.8;
  const timeoutMs = byMs * 3 + 1000;
  return {
    inForce: compared(
      links,
      timeoutMs,
      ({ outcome, rttMs = 0 }, controlMs) => outcome === "answered" && rttMs - controlMs >= extraMs,
    ),
    healed: compared(
      links,
      timeoutMs,
      ({ outcome, rttMs = 0 }, controlMs) => outcome === "answered" && rttMs - controlMs < byMs * 0.5,
    ),
  };
}

/** Probes of the harmed links get no byte, while an unharmed link answers. */
export function linksSilent(links: readonly string[]): Proof {
  return {
    inForce: compared(links, silentAfterMs, ({ outcome }) => outcome === "silent"),
    healed: compared(links, silentAfterMs, ({ outcome }) => outcome === "answered"),
  };
}

/** Probes of the harmed links are closed at once, while an unharmed link answers. */
export function linksRefused(links: readonly string[]): Proof {
  return {
    inForce: compared(links, silentAfterMs, ({ outcome }) => outcome === "refused"),
    healed: compared(links, silentAfterMs, ({ outcome }) => outcome === "answered"),
  };
}

/**
 * Probes the harmed links and an unharmed one at the same moment. Without an answer from the unharmed one the
 * observation says nothing of the links: the prober itself may be stalled.
 */
function compared(
  links: readonly string[],
  timeoutMs: number,
  holds: (harmed: ProbeResult, controlMs: number) => boolean,
): Check {
  return async (deployment): Promise<Observation> => {
    const control = unharmed(deployment, links);
    const [controlled, ...harmed] = await Promise.all([
      control.probe(timeoutMs),
      ...links.map((link) => deployment.probe(link, timeoutMs)),
    ]);
    if (controlled.outcome !== "answered" || controlled.rttMs === undefined) {
      return { holds: false, saw: `${control.name}, which is unharmed, did not answer either` };
    }
    const controlMs = controlled.rttMs;
    return {
      holds: harmed.every((result) => holds(result, controlMs)),
      saw: `${summary(harmed)}; unharmed ${control.name}: ${words(controlled)}`,
    };
  };
}

/**
 * What to compare with: a link with another destination, from the same source where there is one. Where every
 * link is harmed, the destination itself, asked past all links.
 */
function unharmed(
  deployment: Deployment,
  links: readonly string[],
): { name: string; probe: (timeoutMs: number) => Promise<ProbeResult> } {
  const harmed = deployment.links.filter(({ id }) => links.includes(id));
  const others = deployment.links.filter(({ to }) => !harmed.some((link) => link.to === to));
  const link = others.find(({ from }) => harmed.some((one) => one.from === from)) ?? others[0];
  if (link !== undefined)
    return { name: link.id, probe: (timeoutMs) => deployment.probe(link.id, timeoutMs) };
  const destination = harmed[0]?.to ?? "";
  return { name: `${destination} itself`, probe: (timeoutMs) => deployment.ask(destination, timeoutMs) };
}

function summary(results: readonly ProbeResult[]): string {
  const counts = new Map<string, number>();
  for (const { outcome } of results) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  const slowest = Math.max(0, ...results.map(({ rttMs = 0 }) => rttMs));
  const parts = [...counts].map(([outcome, count]) => `${count} of ${results.length} links ${outcome}`);
  return `${parts.join(", ")}${slowest > 0 ? `, slowest ${slowest.toFixed(1)} ms` : ""}`;
}

function words({ outcome, rttMs }: ProbeResult): string {
  return rttMs === undefined ? outcome : `${outcome} in ${rttMs.toFixed(1)} ms`;
}
