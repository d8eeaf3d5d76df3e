#!/usr/bin/env node
// Starts Breakwater on the Node that it comes with, whatever Node this is: written so that an old one understands it.
const { spawn } = require("node:child_process");
const { existsSync } = require("node:fs");
const { dirname, join } = require("node:path");

// A checkout is not built: there the TypeScript itself is run.
const cli = [join(__dirname, "../dist/harness/cli.js"), join(__dirname, "../harness/cli.ts")].find(
  existsSync,
);

function ownNode() {
  if (Number(process.versions.node.split(".")[0]) >= 24) return process.execPath;
  const packages = [
    `node-${process.platform}-${process.arch}`,
    `node-bin-${process.platform}-${process.arch}`,
  ];
  for (const name of packages) {
    try {
      return join(dirname(require.resolve(`${name}/package.json`)), "bin/node");
    } catch {
      // Not for this platform, or left out at the installation.
    }
  }
  return undefined;
}

const node = ownNode();
if (node === undefined) {
  console.error(
    `breakwater needs Node 24 or later, this is ${process.version}; install it, or let npm install optional dependencies`,
  );
  process.exitCode = 3;
} else {
  const child = spawn(node, [cli, ...process.argv.slice(2)], { stdio: "inherit" });
  // The child decides how to end; a terminal has sent the signal to both.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code) => {
    process.exitCode = code ?? 3;
  });
  child.on("error", (error) => {
    console.error(`breakwater could not start ${node}: ${error.message}`);
    process.exitCode = 3;
  });
}
