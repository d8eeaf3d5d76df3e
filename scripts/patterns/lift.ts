import { linksIn } from "./links.ts";
import type { Mistake } from "./mistake.ts";

const opening = "To lift it out";
const specifier = /\b(?:from|import) *\(?"([^"]+)"/g;
/** Opens the block of a page's example: see docs/patterns/README.md. */
const example = /^`{3,}ts (docs\/patterns\/use\/[\w-]+\.ts)#use$/m;

/** What a page says that is needed to use its code elsewhere. */
export interface Lift {
  readonly line: number;
  /** Paths from the repository's root. */
  readonly files: readonly string[];
  readonly packages: readonly string[];
  /** The program that uses them; undefined: the page has none of its own. */
  readonly example: string | undefined;
}

/** @param at the page's path from the repository's root */
export function liftOf(page: string, at: string): Lift | undefined {
  const lines = page.split("\n");
  const index = lines.findIndex((text) => text.startsWith(opening));
  if (index < 0) return undefined;
  const line = index + 1;
  return {
    line,
    files: linksIn(page)
      .filter((link) => link.line === line && link.target.endsWith(".ts"))
      .map(({ target }) => resolved(target, at)),
    packages: [...(lines[index] ?? "").matchAll(/`([a-z][\w-]*)`/g)].map(([, name = ""]) => name),
    example: example.exec(page)?.[1],
  };
}

/**
 * What is missing where a page says which files to copy: each file and each package that one of them imports, or the
 * page's example does, must be named there too.
 * @param at the page's path from the repository's root
 * @param read a file's text by its path from the root; undefined where there is none
 */
export function liftMistakes(
  page: string,
  at: string,
  read: (path: string) => string | undefined,
): readonly Mistake[] {
  const lift = liftOf(page, at);
  if (lift === undefined) return [];
  const { line, files, packages } = lift;
  return [...files, ...(lift.example === undefined ? [] : [lift.example])].flatMap((file) =>
    [...(read(file) ?? "").matchAll(specifier)]
      .map(([, target = ""]) => target)
      .filter((target) => !target.startsWith("node:"))
      .map((target) => (target.startsWith(".") ? resolved(target, file) : target))
      .filter((needed) => !files.includes(needed) && !packages.includes(needed))
      .map((needed) => ({ line, message: `"${file}" needs "${needed}", which is not named here` })),
  );
}

function resolved(target: string, from: string): string {
  return new URL(target, new URL(from, "file:///")).pathname.slice(1);
}
