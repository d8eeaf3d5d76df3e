import assert from "node:assert/strict";
import { test } from "node:test";
import { liftMistakes } from "./lift.ts";
import { deadLinks } from "./links.ts";
import { indexMistakes, sectionMistakes, weave } from "./page.ts";
import { snippetOf } from "./snippet.ts";

const source = `import { a } from "a";

/** Not this one's: é 🙂. */

/** Waits \`ms\`. */
export async function wait(ms: number): Promise<void> {
  const text = \`
}
\`;
  // #region middle
  if (ms > 0) {

    await a(text);
  }
  // #endregion middle
}

export const limit = 3,
  other = 4;
/** A shape. */
export interface Shape {
  readonly size: number;
}
type Name = string;
class Thing {}
`;
const file = "service/wait.ts";

test("a declaration is taken whole, with its own docstring and no other comment", () => {
  const wait = snippetOf(source, file, "wait") ?? "";
  assert.ok(wait.startsWith("/** Waits `ms`. */\nexport async function wait("));
  assert.ok(wait.endsWith("  // #endregion middle\n}"));
  assert.equal(snippetOf(source, file, "limit"), "export const limit = 3,\n  other = 4;");
  assert.equal(snippetOf(source, file, "other"), "export const limit = 3,\n  other = 4;");
  assert.equal(
    snippetOf(source, file, "Shape"),
    "/** A shape. */\nexport interface Shape {\n  readonly size: number;\n}",
  );
  assert.equal(snippetOf(source, file, "Name"), "type Name = string;");
  assert.equal(snippetOf(source, file, "Thing"), "class Thing {}");
});

test("a region is taken without its marks, at the left margin", () => {
  assert.equal(snippetOf(source, file, "middle"), "if (ms > 0) {\n\n  await a(text);\n}");
});

test("what the source does not have, or has within something else only, is not found", () => {
  for (const name of ["text", "ms", "gone", ""]) assert.equal(snippetOf(source, file, name), undefined);
  assert.equal(snippetOf("// #region open\nconst a = 1;\n", file, "open"), undefined);
});

const read = (path: string) => (path === file ? source : undefined);
const block = (content: string, name = "Name", path = file) => `\`\`\`ts ${path}#${name}\n${content}\n\`\`\``;

test("a block gets the source's code, and the rest of the page stays as it is", () => {
  const page = (code: string) => `# A page\n\n${block(code)}\n\n\`\`\`ts\nconst free = 1;\n\`\`\`\n`;
  const { text, blocks, stale, lost } = weave(page("type Name = number;\n\nmore"), read);
  assert.equal(text, page("type Name = string;"));
  assert.equal(blocks, 1);
  assert.deepEqual(
    stale.map(({ line }) => line),
    [3],
  );
  assert.match(stale[0]?.message ?? "", /npm run patterns/);
  assert.deepEqual(lost, []);
  assert.deepEqual(weave(text, read), { text, blocks: 1, stale: [], lost: [] });
});

test("code that is gone is told with its line, and its block is left alone", () => {
  for (const page of [
    `\n${block("old", "gone")}`,
    `\n${block("old", "Name", "service/gone.ts")}`,
    `\n\`\`\`ts ${file}#Name\nold`,
  ]) {
    const { text, stale, lost } = weave(page, read);
    assert.equal(text, page);
    assert.deepEqual(stale, []);
    assert.deepEqual(
      lost.map(({ line }) => line),
      [2],
    );
  }
});

test("code that has a fence in it needs a longer one", () => {
  const fenced = () => "/**\n * a\n */\nexport const a = `\n```\n`;\n";
  assert.equal(weave(block("", "a"), fenced).lost.length, 1);
  const longer = weave("````ts x.ts#a\n````", fenced);
  assert.deepEqual(longer.lost, []);
  assert.equal(longer.text.split("\n").at(-1), "````");
});

const page = `# T

## The problem

x

## The wrong way

x

## The code

${block("x")}

## Tuning

x

## Proof

[a](../../scenarios/node-pause.yaml)
`;

test("a page has all its sections in order, none empty, code of the source, and a proof that runs", () => {
  assert.deepEqual(sectionMistakes(page), []);
  assert.deepEqual(sectionMistakes(page.replace("../../scenarios/node-pause.yaml", "../a.test.ts")), []);
  const lines = (changed: string) => sectionMistakes(changed).map(({ line }) => line);
  assert.deepEqual(lines(page.replace("## Tuning", "### Tuning")), [3]);
  assert.deepEqual(lines(page.replace("## Tuning", "## Knobs")), [3]);
  assert.deepEqual(lines(page.replace("## The problem\n\nx", "## The problem\n")), [3]);
  assert.deepEqual(lines(page.replace(block("x"), "x")), [11]);
  assert.deepEqual(lines(page.replace("../../scenarios/node-pause.yaml", "../files.md")), [21]);
  assert.deepEqual(lines("# T"), [1]);
});

test("every page is linked from the index", () => {
  assert.deepEqual(indexMistakes("[a](a.md), [b](b.md)", ["a.md", "b.md"]), []);
  assert.equal(indexMistakes("[a](a.md), b.md", ["a.md", "b.md"]).length, 1);
});

test("where a page says what to copy, it names all that this needs", () => {
  const files = new Map([
    [
      "service/a.ts",
      'import z from "zod";\nimport type { B } from "./b.ts";\nexport { c } from "../c.ts";\n',
    ],
    ["service/b.ts", ""],
    ["c.ts", ""],
  ]);
  const missing = (text: string) => liftMistakes(text, "docs/patterns/x.md", (path) => files.get(path));
  const [a, b, c] = ["service/a.ts", "service/b.ts", "c.ts"].map((path) => `[x](../../${path})`);
  assert.deepEqual(missing(`To lift it out, copy ${a}, ${b} and ${c}; they need \`zod\`.`), []);
  assert.deepEqual(missing(`See ${a}.`), []);
  const [mistake, ...others] = missing(`x\nTo lift it out, copy ${a} and ${b}; they need \`zod\`.`);
  assert.deepEqual([mistake?.line, others], [2, []]);
  assert.match(mistake?.message ?? "", /"c.ts"/);
  assert.match(missing(`To lift it out, copy ${a}, ${b} and ${c}.`)[0]?.message ?? "", /needs "zod"/);
  // The page's example is held to the same.
  files.set(
    "docs/patterns/use/x.ts",
    'import { b } from "../../../service/b.ts";\nawait import("../../../c.ts");\nimport "express";',
  );
  const used = (named: string) =>
    missing(`To lift it out, copy ${named}.\n\`\`\`ts docs/patterns/use/x.ts#use\n\`\`\``);
  assert.deepEqual(used(`${b}, ${c} and \`express\``), []);
  assert.equal(used("nothing").length, 3);
});

test("a relative link leads to a file, a folder or a heading", () => {
  const files = new Map([
    ["README.md", ""],
    ["docs/a b.md", "# One: two & `three`\n## Same\n## Same\n```\n# no heading\n```"],
  ]);
  const tree = {
    exists: (path: string) => files.has(path) || path === "docs",
    read: (path: string) => files.get(path),
  };
  const dead = (text: string) => deadLinks(text, "docs/page.md", tree).map(({ line }) => line);
  for (const good of [
    "[x](../README.md)",
    "[x](../docs/)",
    "[x](https://example.org/gone.md) [x](mailto:a@b)",
    "[x](a%20b.md#one-two--three) [x](a%20b.md#same-1)",
    "`[x](gone.md)`",
    "```md\n[x](gone.md)\n```",
    "````\n```\n[x](gone.md)\n````",
  ])
    assert.deepEqual(dead(good), [], good);
  assert.deepEqual(dead("a\n[x](gone.md)"), [2]);
  assert.deepEqual(dead("[x](a%20b.md#no-heading) ![y](gone.png)"), [1, 1]);
  assert.deepEqual(dead("[x](../README.md#gone)"), [1]);
  assert.deepEqual(dead('[x](gone.md "title")'), [1]);
});
