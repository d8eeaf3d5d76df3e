import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { glob, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { aptUnpack } from "../harness/toolchain/apt-unpack.ts";
import { findTool } from "../harness/toolchain/find.ts";
import { onPath, thisHost } from "../harness/toolchain/host.ts";
import { obtainTool } from "../harness/toolchain/obtain.ts";
import type { FoundTool, ToolSpec } from "../harness/toolchain/tool.ts";
import { firstVersion } from "../harness/toolchain/version.ts";

const run = promisify(execFile);

/**
 * The simulator's page in Chromium: the one that BREAKWATER_CHROMIUM names, the one on PATH, or Debian's, unpacked into
 * the cache. Where it cannot be had the page was not laid out: that fails in CI and wherever there is an apt-get, and
 * elsewhere it is said.
 */
const chromium: ToolSpec = {
  name: "chromium",
  pathVariable: "BREAKWATER_CHROMIUM",
  minimumVersion: "100",
  versionArgs: ["--version", "--no-sandbox"],
  readVersion: async (output) => firstVersion(/^Chromium (\S+)/m.exec(output)?.[1] ?? ""),
  async locate(folder) {
    const folders = new Set<string>();
    for await (const library of glob("**/*.so*", { cwd: folder }))
      folders.add(join(folder, dirname(library)));
    return {
      path: join(folder, "usr/lib/chromium/chromium"),
      env: { LD_LIBRARY_PATH: [...folders].join(":") },
    };
  },
  sources: [aptUnpack("chromium")],
  advice: '"apt-get install chromium"',
};

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "breakwater-page-"));
});
after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

test("Chromium lays the page of the sample out: every plot has a size, nothing sticks out or lies over something else", async () => {
  const browser = await obtained();
  if (browser === undefined) return;
  const page = join(folder, "page.html");
  const cli = join(import.meta.dirname, "../simulator/cli.ts");
  // Dear enough for ticks of millions.
  const prices = join(folder, "prices.json");
  const models = Object.fromEntries(
    ["gpt-4o-mini", "claude-haiku-4-5"].map((name) => [name, { input: 9e6, output: 9e6 }]),
  );
  await writeFile(prices, JSON.stringify({ source: "test", date: "2026-11-26", models }));
  await run(process.execPath, [cli, "--sizes", "6", "--html", page, "--prices", prices]);
  const html = await readFile(page, "utf8");
  assert.match(html, /Content-Security-Policy/);
  const { plots, out, over, wide, rows, loaded } = await found(browser, html);
  assert.equal(plots.length, 4);
  for (const [width = 0, height = 0] of plots) assert.ok(width > 300 && height > 150, `${width} x ${height}`);
  assert.deepEqual([out, over, wide, loaded], [[], [], 0, 0]);
  assert.ok(rows > 20);
  // The probe does see what sticks out.
  const broken = await found(browser, html.replace(/points="[^"]*"/, 'points="0,0 5000,9000"'));
  assert.ok(broken.out.length > 0);
  const crowded = await found(
    browser,
    html.replace(/<text transform="translate\(14 /, '<text transform="translate(70 '),
  );
  assert.ok(crowded.over.length > 0);
});

interface Found {
  readonly plots: readonly (readonly number[])[];
  /** Drawn outside of its plot. */
  readonly out: readonly string[];
  /** Texts of a plot that lie over another. */
  readonly over: readonly string[];
  /** Pixels by which the page is wider than its window. */
  readonly wide: number;
  readonly rows: number;
  /** Files that the page asked for. */
  readonly loaded: number;
}

/** What a script on the page finds. The page forbids scripts, so it is put in with that rule taken out. */
async function found(browser: FoundTool, html: string): Promise<Found> {
  const probe = `<script>
    const box = (element) => element.getBoundingClientRect();
    const svgs = [...document.querySelectorAll("svg")];
    const out = svgs.flatMap((svg) => [...svg.querySelectorAll("polyline, polygon, circle, text")].filter((each) => {
      const [a, b] = [box(svg), box(each)];
      return b.left < a.left - 1 || b.right > a.right + 1 || b.top < a.top - 1 || b.bottom > a.bottom + 1;
    })).map((each) => each.outerHTML.slice(0, 120));
    const over = svgs.flatMap((svg) => {
      const texts = [...svg.querySelectorAll("text")];
      return texts.filter((each, i) => texts.slice(i + 1).some((other) => {
        const [a, b] = [box(each), box(other)];
        return a.left + 1 < b.right && b.left + 1 < a.right && a.top + 1 < b.bottom && b.top + 1 < a.bottom;
      })).map((each) => each.outerHTML.slice(0, 120));
    });
    const { scrollWidth, clientWidth } = document.documentElement;
    document.body.dataset.found = encodeURIComponent(JSON.stringify({
      plots: svgs.map((svg) => [box(svg).width, box(svg).height]),
      out,
      over,
      wide: scrollWidth - clientWidth,
      rows: document.querySelectorAll("tr").length,
      loaded: performance.getEntriesByType("resource").length,
    }));
  </script></body>`;
  const file = join(folder, "probed.html");
  await writeFile(
    file,
    html.replace(/<meta http-equiv="Content-Security-Policy"[^>]*>/, "").replace("</body>", probe),
  );
  const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic"];
  const quiet = ["--no-first-run", "--disable-background-networking", `--user-data-dir=${folder}/profile`];
  const { stdout } = await run(browser.path, [...flags, ...quiet, "--dump-dom", pathToFileURL(file).href], {
    timeout: 90_000,
    maxBuffer: 64 * 2 ** 20,
    env: { ...process.env, ...browser.env },
  });
  const data = /data-found="([^"]*)"/.exec(stdout)?.[1];
  assert.ok(data !== undefined, "the page did not come up");
  return JSON.parse(decodeURIComponent(data));
}

async function obtained(): Promise<FoundTool | undefined> {
  const { signal } = new AbortController();
  const there = await findTool(chromium, thisHost(), signal);
  if ("found" in there) return there.found;
  const got = await obtainTool(chromium, thisHost(), (line) => console.error(line), signal);
  if ("found" in got) return got.found;
  const why = `the page was not laid out, since Chromium is not to be had: ${got.tried.join("; ")}; ${chromium.advice}`;
  const must = process.env["CI"] !== undefined || (await onPath(thisHost(), "apt-get")).length > 0;
  assert.ok(!must, why);
  console.error(why);
  return undefined;
}
