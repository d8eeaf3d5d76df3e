import { twoQ } from "./2q.ts";
import { arc } from "./arc.ts";
import { belady } from "./belady.ts";
import { clock } from "./clock.ts";
import { fifo } from "./fifo.ts";
import { gdsf } from "./gdsf.ts";
import { lfu } from "./lfu.ts";
import { lirs } from "./lirs.ts";
import { lru } from "./lru.ts";
import type { Policy } from "./policy.ts";
import { s3Fifo } from "./s3-fifo.ts";
import { s3Fifo1 } from "./s3-fifo-1.ts";
import { sieve } from "./sieve.ts";
import { slru } from "./slru.ts";
import { wTinyLfu } from "./w-tinylfu.ts";

/** Every policy by its name, which is also its file's. */
export const policies = {
  fifo,
  lru,
  lfu,
  clock,
  slru,
  "2q": twoQ,
  arc,
  lirs,
  "s3-fifo": s3Fifo,
  "s3-fifo-1": s3Fifo1,
  sieve,
  "w-tinylfu": wTinyLfu,
  gdsf,
  belady,
} as const satisfies Readonly<Record<string, Policy>>;

export type PolicyName = keyof typeof policies;
