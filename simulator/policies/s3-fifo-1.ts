import type { Policy } from "./policy.ts";
import { createS3Fifo } from "./s3-fifo.ts";

/** S3-FIFO that promotes after a single hit. Row `s3fifo1` of the oracle. */
export const s3Fifo1: Policy = createS3Fifo("s3-fifo-1", 1);
