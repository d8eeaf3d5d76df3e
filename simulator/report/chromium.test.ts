import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { access, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { htmlReport } from "./html.ts";
import { smallReport } from "./report.fixture.ts";

const run = promisify(execFile);

async function chromium(): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
      const path = join(folder, name);
      if (
        await access(path).then(
          () => true,
          () => false,
        )
      )
        return path;
    }
  }
  return undefined;
}

/** Where there is no Chromium, report.test.ts still checks the page's structure; CI has one. */
test("Chromium lays the page out: every plot has a size, and nothing sticks out", async (t) => {
  const browser = await chromium();
  if (browser === undefined) {
    t.diagnostic("no Chromium on PATH: not rendered");
    return;
  }
  const folder = await mkdtemp(join(tmpdir(), "breakwater-page-"));
  try {
    // The page forbids scripts, so the probe is put in with that rule taken out.
    const probe = `<script>
      const plots = [...document.querySelectorAll("svg")].map((svg) => svg.getBoundingClientRect());
      const out = [...document.querySelectorAll("svg")].flatMap((svg) => [...svg.querySelectorAll("polyline, circle, text")].filter((each) => {
        const [a, b] = [svg.getBoundingClientRect(), each.getBoundingClientRect()];
        return b.left < a.left - 1 || b.right > a.right + 1 || b.top < a.top - 1 || b.bottom > a.bottom + 1;
      })).map((each) => each.outerHTML.slice(0, 120));
      document.body.dataset.found = JSON.stringify({ plots: plots.map(({ width, height }) => [width, height]), out, rows: document.querySelectorAll("tr").length });
    </script></body>`;
    const html = htmlReport(await smallReport())
      .replace(/<meta http-equiv="Content-Security-Policy"[^>]*>/, "")
      .replace("</body>", probe);
    const file = join(folder, "page.html");
    await writeFile(file, html);
    const { stdout } = await run(
      browser,
      [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        `--user-data-dir=${folder}`,
        "--dump-dom",
        pathToFileURL(file).href,
      ],
      { timeout: 90_000, maxBuffer: 64 * 2 ** 20 },
    );
    const found = /data-found="([^"]*)"/
      .exec(stdout)?.[1]
      ?.replaceAll("&quot;", '"')
      .replaceAll("&lt;", "<")
      .replaceAll("&gt;", ">");
    assert.ok(found !== undefined, "the page did not come up");
    const { plots, out, rows } = JSON.parse(found.replaceAll("&amp;", "&"));
    assert.equal(plots.length, 4);
    for (const [width, height] of plots) assert.ok(width > 300 && height > 150, `${width} x ${height}`);
    assert.deepEqual(out, []);
    assert.ok(rows > 20);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
