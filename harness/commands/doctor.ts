import { substrates } from "../substrates/catalog.ts";
import { inspectTools } from "../toolchain/tools.ts";
import type { CliCommand } from "./command.ts";
import { packageVersion } from "./input/package-files.ts";

const doctor: CliCommand = {
  summary: "say what this machine has and can do, and how to get what is missing",
  examples: [
    ["doctor", "exit code 0 if nothing is missing, else 3"],
    ["doctor --json", "the same as data"],
  ],
  configure(command, finish) {
    command.option("--json", "print JSON").action(async ({ json }: { readonly json?: true }) => {
      const findings = await examine();
      console.log(json ? JSON.stringify(findings, undefined, 2) : text(findings));
      finish(isWhole(findings) ? "PASS" : "HARNESS_ERROR");
    });
  },
};
export default doctor;

async function examine() {
  const [breakwater, tools, offers] = await Promise.all([
    packageVersion(),
    inspectTools(new AbortController().signal),
    Promise.all(
      Object.values(substrates).map(async (load) => {
        const { default: substrate } = await load();
        return { substrate: substrate.name, ...(await substrate.offer()) };
      }),
    ),
  ]);
  return {
    breakwater,
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    tools,
    offers,
  };
}

type Findings = Awaited<ReturnType<typeof examine>>;

/** Whether a scenario can be run: one substrate is enough. */
function isWhole({ tools, offers }: Findings): boolean {
  return tools.every(({ found }) => found) && offers.some(({ capabilities }) => capabilities.length > 0);
}

function text(findings: Findings): string {
  const { breakwater, node, platform, tools, offers } = findings;
  const lines = [`ok       breakwater ${breakwater} on node ${node}, ${platform}`];
  for (const tool of tools) {
    if (tool.found) {
      lines.push(`ok       ${tool.tool} ${tool.version}: ${tool.path} (${tool.origin})`);
    } else {
      lines.push(
        `MISSING  ${tool.tool}: ${tool.hint}`,
        ...tool.tried.map((tried) => `           tried: ${tried}`),
      );
    }
  }
  for (const { substrate, capabilities, limits } of offers) {
    const offered = capabilities.length === 0 ? "nothing" : capabilities.join(", ");
    lines.push(
      `${capabilities.length === 0 ? "MISSING" : "ok     "}  substrate ${substrate} offers ${offered}`,
    );
    lines.push(...limits.map((limit) => `           ${limit}`));
  }
  if (!isWhole(findings)) lines.push("", "Not everything is there to run a scenario.");
  return lines.join("\n");
}
