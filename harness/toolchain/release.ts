import { chmod, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { download } from "./download.ts";
import type { Host } from "./host.ts";
import type { ReleasePin } from "./pins.ts";
import type { Source, ToolName } from "./tool.ts";

/** A pinned release: an archive with the program in its only folder, or the program itself. */
export function release(name: ToolName, pin: ReleasePin): Source {
  return {
    name: "pinned download",
    async obtain(folder, host, report, signal) {
      const platform = `${host.platform}-${host.arch}`;
      const asset = pin.assets[platform];
      if (asset === undefined) throw new Error(`no release is pinned for ${platform}`);
      const file = join(folder, "download");
      const url = host.releasesUrl + asset.path;
      try {
        await download(
          { what: `${name} ${pin.version}`, url, sha256: asset.sha256, to: file, silenceMs: host.silenceMs },
          report,
          signal,
        );
      } catch (error) {
        if (error instanceof Error && !signal.aborted) error.message = `${url}: ${error.message}`;
        throw error;
      }
      if (/\.(tar\.gz|zip)$/.test(asset.path)) {
        await unpack(file, folder, host, signal);
      } else {
        await rename(file, join(folder, name));
        await chmod(join(folder, name), 0o755);
      }
    },
  };
}

/** tar finds the format by itself; that of macOS reads zip too. */
async function unpack(archive: string, folder: string, host: Host, signal: AbortSignal): Promise<void> {
  const args = ["-xf", archive, "-C", folder, "--strip-components=1"];
  await host.run("tar", args, { env: host.env, cwd: folder, timeoutMs: 120_000 }, signal);
  await rm(archive);
}
