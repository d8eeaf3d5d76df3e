import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { glob, readdir } from "node:fs/promises";
import { join } from "node:path";
import { liftMistakes } from "./patterns/lift.ts";
import { deadLinks } from "./patterns/links.ts";
import type { Mistake } from "./patterns/mistake.ts";
import { indexMistakes, sectionMistakes, weave } from "./patterns/page.ts";

/**
 * Puts the repository's code into docs/patterns, and says what is wrong in any page of the documentation: code that
 * is gone, missing sections, files to copy that are not named, dead links. `--check` writes nothing, and old code is then a mistake as well.
 */
const root = join(import.meta.dirname, "..");
const check = process.argv.includes("--check");
const index = "docs/patterns/README.md";

const tree = {
  exists: (path: string) => existsSync(join(root, path)),
  read: (path: string) => (existsSync(join(root, path)) ? readFileSync(join(root, path), "utf8") : undefined),
};

let found = 0;
function tell(page: string, mistakes: readonly Mistake[]): void {
  for (const { line, message } of mistakes) console.error(`${page}:${line}: ${message}`);
  found += mistakes.length;
}

const pages = (await readdir(join(root, "docs/patterns")))
  .filter((file) => file.endsWith(".md") && file !== "README.md")
  .sort();
let written = 0;
for (const page of pages.map((file) => `docs/patterns/${file}`)) {
  const text = tree.read(page) ?? "";
  const woven = weave(text, tree.read);
  tell(page, [...woven.lost, ...(check ? woven.stale : []), ...sectionMistakes(text)]);
  tell(page, liftMistakes(text, page, tree.read));
  if (check || woven.text === text) continue;
  writeFileSync(join(root, page), woven.text);
  written += 1;
}
tell(index, indexMistakes(tree.read(index) ?? "", pages));

const documents: string[] = ["README.md", "CONTRIBUTING.md"];
for await (const file of glob("docs/**/*.md", { cwd: root })) documents.push(file);
for (const document of documents.sort()) tell(document, deadLinks(tree.read(document) ?? "", document, tree));

if (found > 0) process.exitCode = 1;
else if (check)
  console.log(
    `${pages.length} pattern pages are as the source, and no link of ${documents.length} documents is dead`,
  );
else console.log(`${written} of ${pages.length} pattern pages written anew`);
