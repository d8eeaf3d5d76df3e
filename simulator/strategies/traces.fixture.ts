import { readFileSync } from "node:fs";
import type { RequestLog } from "../log/log.ts";
import { smallLog } from "./small-log.fixture.ts";

function bytesOf(name: string): Buffer {
  return readFileSync(new URL(`../data/traces/${name}`, import.meta.url));
}

/** cloudPhysicsIO as a log: object ids in order of appearance, its own sizes and seconds. For tests. */
export function cloudPhysics(): RequestLog {
  const file = bytesOf("cloudPhysicsIO.oracleGeneral.bin");
  const ids = new Map<bigint, number>();
  const first = file.readUInt32LE(0);
  return smallLog(
    Array.from({ length: file.length / 24 }, (_, row) => {
      const at = row * 24;
      const id = file.readBigUInt64LE(at + 4);
      const key = ids.get(id) ?? ids.size;
      ids.set(id, key);
      return { key, at: (file.readUInt32LE(at) - first) * 1000, bytes: file.readUInt32LE(at + 12) };
    }),
  );
}

/** Mooncake's conversation trace: 12,031 requests, 512 tokens a block; every request has a key of its own. For tests. */
export function mooncakeConversation(): RequestLog {
  const lines = bytesOf("mooncake_conversation_trace.jsonl").toString("utf8").trimEnd().split("\n");
  return smallLog(
    lines.map((line, key) => {
      const { timestamp, input_length, output_length, hash_ids } = JSON.parse(line);
      return { key, at: timestamp, prompt: input_length, output: output_length, blocks: hash_ids };
    }),
    512,
  );
}
