import type { HoldResult } from "../substrates/substrate.ts";
import type { Check, Proof } from "./evidence.ts";

/**
 * Connections over the links break when they have lived for about `lifetimeMs`, while connections to their
 * destinations themselves stand for longer; gone when those over the links do, too. Such a look takes a little
 * longer than a lifetime.
 */
export function linksShortLived(links: readonly string[], lifetimeMs: number): Proof {
  const holdMs = lifetimeMs * 1.25 + 200;
  const breaksInTime = ({ outcome, afterMs }: HoldResult) =>
    // What breaks at once does so for another reason.
    outcome === "broken" && afterMs >= lifetimeMs * 0.8;
  return {
    inForce: held(links, holdMs, breaksInTime),
    healed: held(links, holdMs, ({ outcome }) => outcome === "held"),
  };
}

function held(links: readonly string[], holdMs: number, holds: (overLink: HoldResult) => boolean): Check {
  return async (deployment) => {
    const destination = (id: string) => deployment.links.find((link) => link.id === id)?.to ?? "";
    const results = await Promise.all(
      links.map(async (id) => {
        const to = destination(id);
        const [overLink, direct] = await Promise.all([
          deployment.hold(id, holdMs),
          deployment.holdDirectly(to, holdMs),
        ]);
        return { to, overLink, direct };
      }),
    );
    const fickle = results.find(({ direct }) => direct.outcome !== "held");
    if (fickle !== undefined) {
      return { holds: false, saw: `${fickle.to} itself, past all links, did not keep a connection either` };
    }
    const over = results.map(({ overLink }) => overLink);
    const broken = over.filter(({ outcome }) => outcome === "broken");
    const latest = Math.max(0, ...broken.map(({ afterMs }) => afterMs));
    return {
      holds: over.every(holds),
      saw: `connections over ${broken.length} of ${over.length} links broke${broken.length === 0 ? "" : ` after at most ${latest.toFixed(0)} ms`}, past the links all stood for ${holdMs.toFixed(0)} ms`,
    };
  };
}
