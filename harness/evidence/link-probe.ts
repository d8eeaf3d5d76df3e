import type { ProbeResult } from "../substrates/substrate.ts";
import type { Check, Observation, Proof } from "./evidence.ts";

/** How long a probe waits before it calls a link silent; an unharmed one answers within a few ms. */
const silentAfterMs = 300;

/** Probes of the links are answered, at least `byMs` × 0.8 later than by their destinations themselves. */
export function linksSlowed(links: readonly string[], byMs: number): Proof {
  const extraMs = byMs * 0.8;
  const timeoutMs = byMs * 3 + 1000;
  return {
    inForce: compared(
      links,
      timeoutMs,
      ({ outcome, rttMs = 0 }, directMs) => outcome === "answered" && rttMs - directMs >= extraMs,
    ),
    healed: compared(
      links,
      timeoutMs,
      ({ outcome, rttMs = 0 }, directMs) => outcome === "answered" && rttMs - directMs < byMs * 0.5,
    ),
  };
}

/** Probes of the links get no byte, while their destinations themselves answer. */
export function linksSilent(links: readonly string[]): Proof {
  return {
    inForce: compared(links, silentAfterMs, ({ outcome }) => outcome === "silent"),
    healed: compared(links, silentAfterMs, ({ outcome }) => outcome === "answered"),
  };
}

/** Probes of the links are closed at once, while their destinations themselves answer. */
export function linksRefused(links: readonly string[]): Proof {
  return {
    inForce: compared(links, silentAfterMs, ({ outcome }) => outcome === "refused"),
    healed: compared(links, silentAfterMs, ({ outcome }) => outcome === "answered"),
  };
}

/**
 * Probes the links, and at the same moment asks their destinations themselves, past all links: it is the same
 * question to the same member, and only the link is between. Without an answer from the destination nothing is
 * said of the link: the member may be dead, or the prober stalled.
 */
function compared(
  links: readonly string[],
  timeoutMs: number,
  holds: (link: ProbeResult, directMs: number) => boolean,
): Check {
  return async (deployment): Promise<Observation> => {
    const results = await Promise.all(
      links.map(async (id) => {
        const to = deployment.links.find((link) => link.id === id)?.to ?? "";
        const [link, direct] = await Promise.all([
          deployment.probe(id, timeoutMs),
          deployment.ask(to, timeoutMs),
        ]);
        return { to, link, direct };
      }),
    );
    const mute = results.find(({ direct }) => direct.outcome !== "answered");
    if (mute !== undefined) {
      return { holds: false, saw: `${mute.to} itself, asked past all links, did not answer either` };
    }
    const directMs = results.map(({ direct }) => direct.rttMs ?? 0);
    return {
      holds: results.every(({ link }, index) => holds(link, directMs[index] ?? 0)),
      saw: `${summary(results.map(({ link }) => link))}; past the links answered in at most ${Math.max(0, ...directMs).toFixed(1)} ms`,
    };
  };
}

function summary(results: readonly ProbeResult[]): string {
  const counts = new Map<string, number>();
  for (const { outcome } of results) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  const slowest = Math.max(0, ...results.map(({ rttMs = 0 }) => rttMs));
  const parts = [...counts].map(([outcome, count]) => `${count} of ${results.length} links ${outcome}`);
  return `${parts.join(", ")}${slowest > 0 ? `, slowest ${slowest.toFixed(1)} ms` : ""}`;
}
