/**
 * Whether an error of ioredis means that the shard is ill.
 *
 * ioredis throws plain errors, so only the message tells. Replies about one command's data are no sign of
 * illness: OOM refuses writes while reads go on, and WRONGTYPE is somebody else's value under our key.
 */
export function isShardFailure(thrown: unknown): boolean {
  return !(thrown instanceof Error && /^(OOM|WRONGTYPE) /.test(thrown.message));
}
