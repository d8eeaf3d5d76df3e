import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { reasonOf } from "../errors.ts";
import { onPath } from "./host.ts";
import type { Source } from "./tool.ts";

/**
 * A package of Debian or Ubuntu and those of its dependencies that the machine lacks, unpacked and not
 * installed: apt works on lists and a cache of its own, so no root is needed and the host stays as it is.
 */
export function aptUnpack(packageName: string): Source {
  return {
    name: "apt-get download",
    async obtain(folder, host, report, signal) {
      const [aptGet] = await onPath(host, "apt-get");
      if (aptGet === undefined) throw new Error("apt-get is not on PATH");
      report(`${packageName}: fetching packages with apt-get download; nothing is installed on the host`);

      const work = join(folder, "apt");
      await mkdir(join(work, "lists/partial"), { recursive: true });
      await mkdir(join(work, "cache/archives/partial"), { recursive: true });
      const config = join(work, "apt.conf");
      await writeFile(config, aptConfig(work));
      const env = { ...host.env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" };
      const run = (command: string, ...args: string[]) =>
        host.run(command, args, { env, cwd: work, timeoutMs: 3 * 60_000 }, signal);

      // One unreachable repository among several fails the update, yet need not be the one that matters.
      const updateFailed = await run(aptGet, "-c", config, "-qq", "update").then(
        () => undefined,
        (error: unknown) => error,
      );
      signal.throwIfAborted();
      try {
        const wanted = [
          packageName,
          ...sameBuild(await run("apt-cache", "-c", config, "show", "--no-all-versions", packageName)),
        ];
        const install = ["install", "--print-uris", "--reinstall", "--no-install-recommends", "-qq", "-y"];
        const needed = packagesIn(await run(aptGet, "-c", config, ...install, ...wanted));
        await run(aptGet, "-c", config, "-qq", "download", ...needed.map(({ name }) => name));
        for (const { file } of needed) await run("dpkg", "-x", file, folder);
      } catch (error) {
        signal.throwIfAborted();
        if (updateFailed === undefined) throw error;
        throw new Error(`${reasonOf(error)}; before that, ${reasonOf(updateFailed)}`, { cause: error });
      }
      await rm(work, { recursive: true });
    },
  };
}

/**
 * The host's repositories and keys, with private state. Hooks are cleared because they act on the host:
 * the one in Debian's container images empties /var/cache/apt after an update.
 */
function aptConfig(folder: string): string {
  return `
Dir::State::lists "${folder}/lists";
Dir::Cache "${folder}/cache";
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::Retries "0";
Acquire::http::Timeout "10";
Acquire::https::Timeout "10";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
`;
}

/**
 * The dependencies that come from the same build as the package, in its `apt-cache show` record.
 * They are unpacked even where the host has them: Debian's redis-server is a relative link into redis-tools.
 */
export function sameBuild(record: string): string[] {
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(record)?.[1] ?? "";
  const exact = `(= ${field("Version")})`;
  return field("Depends")
    .split(/, */)
    .filter((dependency) => dependency.endsWith(exact))
    .map((dependency) => dependency.slice(0, -exact.length).trim());
}

/** The packages in what `apt-get install --print-uris` would fetch, with the names of their files. */
export function packagesIn(printedUris: string): { readonly name: string; readonly file: string }[] {
  return [...printedUris.matchAll(/^'[^']+' ((\S+?)_\S+\.deb) /gm)].map(([, file = "", name = ""]) => ({
    name,
    file,
  }));
}
