import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Builds `dist/`, which is what the package publishes: Node strips no types under node_modules, so there the
 * TypeScript must be compiled. The tree stays as it is in the repository; only endings differ.
 */
const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");

rmSync(dist, { recursive: true, force: true });
execFileSync(join(root, "node_modules/.bin/tsc"), ["-p", join(root, "tsconfig.build.json")], {
  stdio: "inherit",
});

const inPackage = (yaml: string) => yaml.replace("$schema=../schemas/", "$schema=../../schemas/");
mkdirSync(join(dist, "scenarios"), { recursive: true });
for (const file of readdirSync(join(root, "scenarios"))) {
  const yaml = readFileSync(join(root, "scenarios", file), "utf8");
  writeFileSync(join(dist, "scenarios", file), inPackage(yaml));
}
cpSync(join(root, "service/model-server/profile"), join(dist, "service/model-server/profile"), {
  recursive: true,
});
// k6 reads TypeScript as it is.
cpSync(join(root, "service/load"), join(dist, "service/load"), {
  recursive: true,
  filter: (source) => !/(\.test\.ts|tsconfig\.json|run-k6\.ts)$/.test(source),
});

const system = readFileSync(join(root, "service/system.yaml"), "utf8");
writeFileSync(
  join(dist, "service/system.yaml"),
  inPackage(system).replaceAll(/(command: \[node, [^\]]*)\.ts\]/g, "$1.js]"),
);
