import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Host, thisHost } from "./host.ts";

/** For tests: a machine whose PATH is one empty folder, with no cache yet and no release server in reach. */
export interface TemporaryHost extends AsyncDisposable {
  readonly host: Host;
  readonly folder: string;
  /** Puts a shell script on the PATH, or elsewhere below the folder, and returns its path. */
  script(name: string, body: string, below?: string): Promise<string>;
}

export async function temporaryHost(changes: Partial<Host> = {}): Promise<TemporaryHost> {
  const folder = await mkdtemp(join(tmpdir(), "toolchain-test-"));
  return {
    folder,
    host: {
      ...thisHost(),
      platform: "linux",
      arch: "x64",
      env: { PATH: join(folder, "bin") },
      cacheDir: join(folder, "cache"),
      releasesUrl: await refusingUrl(),
      ...changes,
    },
    async script(name, body, below = "bin") {
      const path = join(folder, below, name);
      await mkdir(join(folder, below), { recursive: true });
      await writeFile(path, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
      return path;
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** For tests: scripts that answer as redis-server and toxiproxy-server do, so that only k6 is missing. */
export async function allButK6({ script }: TemporaryHost): Promise<void> {
  await script("redis-server", `echo "Redis server v=7.2.4 sha=00000000:0 malloc=libc bits=64"`);
  await script("toxiproxy-server", `echo "toxiproxy-server version 2.9.0"`);
}

/**
 * For tests: a `go` that installs a k6 script of this version in GOBIN, after running `before`.
 * It checks that it was told to keep its temporary files in the staging folder.
 */
export function fakeGo(k6Version: string, before = ":"): string {
  return `
PATH=/usr/bin:/bin
[ "$1" = install ] && [ "$2" = go.k6.io/k6@v1.8.1 ] && [ -d "$GOTMPDIR" ] || exit 9
${before}
printf '#!/bin/sh\\necho "k6 v${k6Version} (go1.26.0, linux/amd64)"\\n' > "$GOBIN/k6"
chmod +x "$GOBIN/k6"`;
}

/** For tests: an HTTP server on loopback; disposing it drops its connections too. */
export async function httpServer(
  listener: RequestListener,
): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** A URL where nobody listens. */
async function refusingUrl(): Promise<string> {
  await using server = await httpServer(() => {});
  return server.url;
}
