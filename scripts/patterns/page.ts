import type { Mistake } from "./mistake.ts";
import { snippetOf } from "./snippet.ts";

/** What each page tells, in this order. */
const sections = ["The problem", "The wrong way", "The code", "Tuning", "Proof"];

/** Opens a block whose content is taken from a file of the repository: `ts service/resilience/timeout.ts#timeout`. */
const opening = /^(`{3,})(\w+) ([^\s#]+)#(\S+)$/;

export interface Woven {
  /** The page with every block as the source has it; a block whose source is gone is left as it was. */
  readonly text: string;
  /** How many blocks are taken from the source. */
  readonly blocks: number;
  /** Blocks that differ from the source. */
  readonly stale: readonly Mistake[];
  /** Blocks that cannot be taken from it. */
  readonly lost: readonly Mistake[];
}

/**
 * Puts the code of the repository into a page.
 * @param read a file's text by its path from the repository's root; undefined where there is none
 */
export function weave(page: string, read: (path: string) => string | undefined): Woven {
  const lines = page.split("\n");
  const woven: string[] = [];
  const stale: Mistake[] = [];
  const lost: Mistake[] = [];
  let blocks = 0;
  for (let at = 0; at < lines.length; at += 1) {
    const head = lines[at] ?? "";
    woven.push(head);
    const [, fence = "", , path = "", name = ""] = opening.exec(head) ?? [];
    if (fence === "") continue;
    const line = at + 1;
    const end = lines.indexOf(fence, at + 1);
    if (end === -1) {
      lost.push({ line, message: `the block "${path}#${name}" has no end` });
      continue;
    }
    blocks += 1;
    const now = lines.slice(at + 1, end).join("\n");
    const source = read(path);
    const code = source === undefined ? undefined : snippetOf(source, path, name);
    if (code === undefined) {
      const what = source === undefined ? `there is no file "${path}"` : `"${path}" has no "${name}"`;
      lost.push({ line, message: `${what}: name another region or top-level declaration` });
    } else if (code.split("\n").includes(fence)) {
      lost.push({ line, message: `"${path}#${name}" has a line "${fence}": use a longer fence` });
    } else if (code !== now) {
      stale.push({
        line,
        message: `the code of "${path}#${name}" is another by now: run "npm run patterns"`,
      });
    }
    woven.push(code ?? now, fence);
    at = end;
  }
  return { text: woven.join("\n"), blocks, stale, lost };
}

/** Sections that a page lacks, that are empty or in another order, and a proof that names nothing that runs. */
export function sectionMistakes(page: string): readonly Mistake[] {
  const lines = page.split("\n");
  const heads = lines.flatMap((line, index) =>
    line.startsWith("## ") ? [{ title: line.slice(3), index }] : [],
  );
  const titles = heads.map(({ title }) => title);
  if (titles.join("\n") !== sections.join("\n")) {
    const message = `a page has the sections ${sections.join(", ")}; this one has ${titles.join(", ") || "none"}`;
    return [{ line: (heads[0]?.index ?? 0) + 1, message }];
  }
  return heads.flatMap(({ title, index }, number): Mistake[] => {
    const content = lines.slice(index + 1, heads[number + 1]?.index).join("\n");
    const wrong = (message: string) => [{ line: index + 1, message }];
    if (content.trim() === "") return wrong(`"${title}" is empty`);
    if (title === "The code" && !content.split("\n").some((line) => opening.test(line)))
      return wrong("no code is taken from the source: begin a block with ```ts path#name");
    if (title === "Proof" && !/\]\([^)]*(\/scenarios\/[\w-]+\.yaml|\.test\.ts)\)/.test(content))
      return wrong("the proof links to no scenario (scenarios/….yaml) and to no test (….test.ts)");
    return [];
  });
}

/** Pages that the index does not link to. */
export function indexMistakes(index: string, pages: readonly string[]): readonly Mistake[] {
  return pages
    .filter((page) => !index.includes(`](${page})`))
    .map((page) => ({ line: 1, message: `the page "${page}" is not linked from here` }));
}
