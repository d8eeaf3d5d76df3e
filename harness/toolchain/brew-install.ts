import { mkdir, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { onPath } from "./host.ts";
import type { Source } from "./tool.ts";

/**
 * Homebrew on macOS. Its packages run only from Homebrew's own folder, so this one does install something
 * outside the cache, and says so; it starts no service.
 * @param program path of the program below the formula's prefix
 * @param linkAs path of the link below the folder that is filled
 */
export function brewInstall(formula: string, program: string, linkAs: string): Source {
  return {
    name: "brew install",
    async obtain(folder, host, report, signal) {
      if (host.platform !== "darwin") throw new Error("only used on macOS");
      const [brew] = await onPath(host, "brew");
      if (brew === undefined) throw new Error("brew is not on PATH");
      report(
        `${formula}: running "brew install ${formula}", which installs it on this machine; no service is started`,
      );
      const env = { ...host.env, HOMEBREW_NO_AUTO_UPDATE: "1", HOMEBREW_NO_INSTALL_UPGRADE: "1" };
      const run = (...args: string[]) =>
        host.run(brew, args, { env, cwd: folder, timeoutMs: 15 * 60_000 }, signal);
      await run("install", formula);
      const prefix = (await run("--prefix", formula)).trim();
      await mkdir(dirname(join(folder, linkAs)), { recursive: true });
      await symlink(join(prefix, program), join(folder, linkAs));
    },
  };
}
