import { fileURLToPath } from "node:url";
import { readLog } from "../log/read.ts";
import type { RequestStream } from "../sweep/policy-run.ts";

const files: Readonly<Record<string, string>> = {
  OLTP: "OLTP.lis.zst",
  cloudPhysicsIO: "cloudPhysicsIO.oracleGeneral.bin",
};

/** A trace of data/traces by the name that the oracle gives it. For tests. */
export async function readTrace(name: string): Promise<RequestStream> {
  const path = `../data/traces/${files[name] ?? `lirs/${name}.trace.gz`}`;
  const { log } = await readLog(fileURLToPath(new URL(path, import.meta.url)));
  return { requests: log.key, keys: log.keys, ...(log.keyHash === undefined ? {} : { hash: log.keyHash }) };
}

/** cloudPhysicsIO with weights in bytes: of each object its size at its first request. For tests. */
export async function readWeightedTrace(): Promise<Required<Pick<RequestStream, "weight">> & RequestStream> {
  const path = fileURLToPath(new URL("../data/traces/cloudPhysicsIO.oracleGeneral.bin", import.meta.url));
  const { log } = await readLog(path);
  const weight = new Uint32Array(log.keys);
  for (let row = log.rows - 1; row >= 0; row--) weight[log.key[row] ?? 0] = log.bytes[row] ?? 0;
  return { requests: log.key, keys: log.keys, weight };
}
