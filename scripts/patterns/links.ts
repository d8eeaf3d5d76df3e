import type { Mistake } from "./mistake.ts";

/** Looks into the repository: its files' texts, and which folders there are. */
export interface Tree {
  exists(path: string): boolean;
  /** Undefined where there is no such file. */
  read(path: string): string | undefined;
}

/**
 * Relative links of a Markdown page that lead to no file, no folder, or no heading. Links within code are none.
 * @param at the page's path from the repository's root
 */
export function deadLinks(page: string, at: string, tree: Tree): readonly Mistake[] {
  const root = new URL("file:///");
  return linksIn(page).flatMap(({ line, target }): Mistake[] => {
    if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return [];
    const url = new URL(target, new URL(at, root));
    const path = decodeURIComponent(url.pathname.slice(1)).replace(/\/$/, "");
    if (!tree.exists(path))
      return [{ line, message: `the link "${target}" leads nowhere: there is no "${path}"` }];
    const anchor = decodeURIComponent(url.hash.slice(1));
    if (anchor === "" || !path.endsWith(".md")) return [];
    if (anchorsIn(tree.read(path) ?? "").has(anchor)) return [];
    return [{ line, message: `the link "${target}" leads nowhere: "${path}" has no heading "#${anchor}"` }];
  });
}

/** All links of a Markdown page, but those within code. */
export function linksIn(page: string): { readonly line: number; readonly target: string }[] {
  return prose(page).flatMap((text, index) =>
    [...text.replaceAll(/`[^`]*`/g, "").matchAll(/\]\(([^()\s]+)(?: "[^"]*")?\)/g)].map(
      ([, target = ""]) => ({
        line: index + 1,
        target,
      }),
    ),
  );
}

/** The names by which GitHub makes a page's headings reachable; the second of the same name gets `-1`. */
function anchorsIn(page: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const line of prose(page)) {
    const [, heading] = /^#{1,6} +(.*?)\s*$/.exec(line) ?? [];
    if (heading === undefined) continue;
    const text = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
    const slug = text.replaceAll(/[^\p{L}\p{N}\s_-]/gu, "").replaceAll(/\s/g, "-");
    let name = slug;
    for (let count = 1; anchors.has(name); count += 1) name = `${slug}-${count}`;
    anchors.add(name);
  }
  return anchors;
}

/** The page's lines, with those within code blocks empty. */
function prose(page: string): string[] {
  let fence = "";
  return page.split("\n").map((line) => {
    const [, mark = ""] = /^\s*(`{3,})/.exec(line) ?? [];
    if (fence === "") {
      fence = mark;
      return mark === "" ? line : "";
    }
    if (line.trim() === fence) fence = "";
    return "";
  });
}
