import { linksIn } from "./links.ts";
import type { Mistake } from "./mistake.ts";

const opening = "To lift it out";
const specifier = /\bfrom "(\.[^"]+)"/g;

/**
 * What is missing where a page says which files to copy: each file that one of them imports must be named there too.
 * @param at the page's path from the repository's root
 * @param read a file's text by its path from the root; undefined where there is none
 */
export function liftMistakes(
  page: string,
  at: string,
  read: (path: string) => string | undefined,
): readonly Mistake[] {
  const lines = page.split("\n");
  const resolved = (target: string, from: string) =>
    new URL(target, new URL(from, "file:///")).pathname.slice(1);
  return lines.flatMap((text, index): Mistake[] => {
    if (!text.startsWith(opening)) return [];
    const line = index + 1;
    const named = linksIn(page)
      .filter((link) => link.line === line && link.target.endsWith(".ts"))
      .map(({ target }) => resolved(target, at));
    return named.flatMap((file) =>
      [...(read(file) ?? "").matchAll(specifier)]
        .map(([, target = ""]) => resolved(target, file))
        .filter((needed) => !named.includes(needed))
        .map((needed) => ({ line, message: `"${file}" needs "${needed}", which is not named here` })),
    );
  });
}
