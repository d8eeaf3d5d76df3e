import { mkdir, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { onPath } from "./host.ts";
import type { GoPin } from "./pins.ts";
import type { Source, ToolName } from "./tool.ts";

/** Builds a pinned version with the Go that is on PATH; Go's checksum database verifies what it fetches. */
export function goInstall(name: ToolName, pin: GoPin): Source {
  return {
    name: "go install",
    async obtain(folder, host, report, signal) {
      const [go] = await onPath(host, "go");
      if (go === undefined) throw new Error("go is not on PATH");
      report(`${name} ${pin.version}: building with go install, takes ${pin.buildTakes}`);
      const work = join(folder, "build");
      await mkdir(work);
      // Go's own caches would keep a gigabyte in the user's home. A module cache is read-only unless asked not to be.
      const env = {
        ...host.env,
        GOBIN: folder,
        GOTMPDIR: work,
        GOCACHE: join(work, "cache"),
        GOMODCACHE: join(work, "modules"),
        GOFLAGS: `${host.env["GOFLAGS"] ?? ""} -modcacherw`.trim(),
      };
      await host.run(
        go,
        ["install", `${pin.module}@v${pin.version}`],
        { env, cwd: folder, timeoutMs: 15 * 60_000 },
        signal,
      );
      await rm(work, { recursive: true });
      await rename(join(folder, basename(pin.module)), join(folder, name));
    },
  };
}
