import { spawnSync } from "node:child_process";

/** Checks .github/workflows with actionlint, which comes as Go source and is built once. */
const actionlint = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12";

const { status, error } = spawnSync("go", ["run", actionlint, "-shellcheck=", "-pyflakes="], {
  stdio: "inherit",
});
if (error !== undefined && process.env["CI"] === undefined) {
  console.log("workflows were not checked: actionlint needs Go, which is not here; CI checks them");
} else if (error !== undefined) {
  console.error(`Cannot check the workflows: ${error.message}`);
  process.exitCode = 1;
} else {
  process.exitCode = status ?? 1;
}
