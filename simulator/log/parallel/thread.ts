import { parentPort, workerData } from "node:worker_threads";
import { type FormatName, formats } from "../catalog.ts";
import type { Format, LogReader } from "../format.ts";
import { LogBuilder } from "../log-builder.ts";
import { LooksBack } from "../looks-back.ts";
import { Problems } from "../problems.ts";
import type { FromThread, ThreadData, ToThread } from "./messages.ts";
import { PartTaker } from "./part.ts";

/** Beyond so many keys a thread forgets what it knows: its memory stays small, and the log's side has them all. */
const mostKeys = 1 << 20;

const { format, keepUncacheable }: ThreadData = workerData;
const { openLines }: Format = formats[format satisfies FormatName];
if (openLines === undefined) throw new Error(`Cannot read a log of format "${format}" in parts`);
const open = openLines;

interface State {
  readonly builder: LogBuilder;
  readonly problems: Problems;
  readonly reader: LogReader;
  readonly taker: PartTaker;
}

function startOver(): State {
  const builder = new LogBuilder();
  const problems = new Problems();
  return {
    builder,
    problems,
    reader: open(builder, problems, { keepUncacheable }),
    taker: new PartTaker(builder),
  };
}

let state = startOver();

function say(message: FromThread, transfer: ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, transfer);
}

parentPort?.on("message", ({ buffer, from, to }: ToThread) => {
  if (state.builder.keys.size > mostKeys) state = startOver();
  const { reader, problems, taker } = state;
  try {
    reader.read({ bytes: new Uint8Array(buffer), view: new DataView(buffer), from, to, last: true });
  } catch (thrown) {
    if (!(thrown instanceof LooksBack)) throw thrown;
    say({ type: "looks-back" });
    return;
  }
  const part = taker.take(problems);
  say({ type: "part", part, buffer }, [
    buffer,
    part.blockIds.buffer,
    ...part.segments.flatMap((segment) =>
      Object.values(segment).flatMap((column) => (typeof column === "object" ? [column.buffer] : [])),
    ),
  ]);
  problems.clear();
});
