import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Packs the package, installs the tarball in an empty folder elsewhere, and storms the reference service from
 * there, as a user's `npx breakwater` does.
 */
const root = join(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "breakwater-package-"));
const run = (command: string, args: readonly string[], cwd: string) =>
  execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });

try {
  const [packed] = JSON.parse(
    run("npm", ["pack", "--json", "--silent", "--pack-destination", folder], root),
  ) as [{ filename: string }];
  run("npm", ["init", "--yes", "--silent"], folder);
  run("npm", ["install", "--no-audit", "--no-fund", join(folder, packed.filename)], folder);
  process.stdout.write(run("npx", ["--no-install", "breakwater", "steady"], folder));
  const verdict = JSON.parse(readFileSync(join(folder, "runs/latest/verdict.json"), "utf8")) as {
    outcome: string;
  };
  if (verdict.outcome !== "PASS") throw new Error(`the packed \`steady\` ended with ${verdict.outcome}`);
  console.log("the packed tarball installs, and `npx breakwater steady` passes from it");
} finally {
  rmSync(folder, { recursive: true, force: true });
}
