import type { Link, Shape } from "../substrate.ts";
import type { Toxiproxy } from "./toxiproxy.ts";

/** A link, and the Toxiproxy proxies that its connections pass: one for data, for nodes of a cluster one more for the bus. */
export interface ProxiedLink extends Link {
  readonly proxies: readonly string[];
}

/** What shapes each link at the moment. Shapes of several faults stand side by side; one name is one shape. */
export interface LinkShaper {
  shape(link: string, as: string, shape: Shape): Promise<void>;
  unshape(link: string, as: string): Promise<void>;
}

/** @param limitLifetime how long connections of a link may live; the router ends them, since Toxiproxy cannot */
export function shapeLinks(
  links: readonly ProxiedLink[],
  toxiproxy: Toxiproxy,
  limitLifetime: (link: string, lifetimeMs: number | undefined) => void,
): LinkShaper {
  const proxiesOf = new Map(links.map(({ id, proxies }) => [id, proxies]));
  const shapes = new Map<string, Map<string, Shape>>();
  const refused = (link: string) =>
    [...(shapes.get(link)?.values() ?? [])].some(({ kind }) => kind === "refused");
  const limit = (link: string) => {
    const lifetimes = [...(shapes.get(link)?.values() ?? [])].flatMap((shape) =>
      shape.kind === "lifetime" ? [shape.lifetimeMs] : [],
    );
    limitLifetime(link, lifetimes.length === 0 ? undefined : Math.min(...lifetimes));
  };

  return {
    async shape(link, as, shape) {
      const here = shapes.get(link) ?? new Map<string, Shape>();
      shapes.set(link, here);
      here.set(as, shape);
      if (shape.kind === "lifetime") return limit(link);
      await Promise.all(
        (proxiesOf.get(link) ?? []).map((proxy) =>
          shape.kind === "refused"
            ? toxiproxy.setEnabled(proxy, false)
            : toxiproxy.addToxic(proxy, as, shape),
        ),
      );
    },
    async unshape(link, as) {
      const was = shapes.get(link)?.get(as);
      shapes.get(link)?.delete(as);
      if (was?.kind === "lifetime") return limit(link);
      await Promise.all(
        (proxiesOf.get(link) ?? []).map(async (proxy) => {
          if (was?.kind !== "refused") await toxiproxy.removeToxic(proxy, as);
          if (was?.kind !== "latency" && was?.kind !== "silent")
            await toxiproxy.setEnabled(proxy, !refused(link));
        }),
      );
    },
  };
}
