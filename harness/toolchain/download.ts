import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { BreakwaterError, reasonOf } from "../errors.ts";

export interface Download {
  /** For progress lines and errors, such as `k6 2.1.0`. */
  readonly what: string;
  readonly url: string;
  readonly sha256: string;
  /** The file to write; must not exist. */
  readonly to: string;
  /** Given up when nothing arrives for this long, the first answer included. */
  readonly silenceMs: number;
}

const longestMs = 10 * 60_000;
const progressStepPercent = 25;

/**
 * Streams a file to disk and checks its digest. What a failed download leaves in `to` is not to be used.
 * @throws BreakwaterError TOOL_DIGEST_WRONG when the whole file came and is not the pinned one;
 *   signal.reason on abort; any other Error when the file cannot be had
 */
export async function download(
  { what, url, sha256, to, silenceMs }: Download,
  report: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const giveUp = new AbortController();
  const silence = setTimeout(
    () => giveUp.abort(new Error(`nothing arrived for ${silenceMs / 1_000} s`)),
    silenceMs,
  );
  const longest = setTimeout(
    () => giveUp.abort(new Error(`it took longer than ${longestMs / 60_000} min`)),
    longestMs,
  );
  const hash = createHash("sha256");
  try {
    const stop = AbortSignal.any([signal, giveUp.signal]);
    const response = await fetch(url, { signal: stop });
    if (!response.ok || response.body === null) {
      await response.body?.cancel();
      throw new Error(`the server answered ${response.status}`);
    }
    report(`${what}: downloading from ${new URL(url).host}`);
    const totalBytes = Number(response.headers.get("content-length"));
    const progress = percentSteps(totalBytes, (percent) => report(`${what}: ${percent} % downloaded`));
    await writeFile(
      to,
      watched(response.body, (chunk) => {
        silence.refresh();
        hash.update(chunk);
        progress(chunk.length);
      }),
      { flag: "wx", signal: stop },
    );
  } catch (error) {
    signal.throwIfAborted();
    throw new Error(networkReason(error), { cause: error });
  } finally {
    clearTimeout(silence);
    clearTimeout(longest);
  }
  const actual = hash.digest("hex");
  if (actual === sha256) return;
  throw new BreakwaterError(
    "HARNESS_ERROR",
    "TOOL_DIGEST_WRONG",
    `Downloading ${what} from "${url}": its sha256 is "${actual}", and "${sha256}" is pinned`,
    {
      hint: "Something between here and the server changes the file (a proxy's login page?). Nothing of it was kept.",
    },
  );
}

async function* watched(
  body: AsyncIterable<Uint8Array>,
  seen: (chunk: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    seen(chunk);
    yield chunk;
  }
}

/** Reports each step of `progressStepPercent` once; nothing where the server tells no length. */
function percentSteps(totalBytes: number, report: (percent: number) => void): (bytes: number) => void {
  let received = 0;
  let reported = 0;
  return (bytes) => {
    received += bytes;
    if (totalBytes === 0) return;
    const step = Math.floor((100 * received) / totalBytes / progressStepPercent) * progressStepPercent;
    if (step <= reported) return;
    reported = step;
    report(step);
  };
}

/** fetch says only "fetch failed"; the reason is in its cause, as a code where several addresses were tried. */
function networkReason(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  if (!(cause instanceof Error)) return reasonOf(error);
  return cause.message || ("code" in cause ? String(cause.code) : reasonOf(error));
}
