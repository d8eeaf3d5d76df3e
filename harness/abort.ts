/** The reason of a stop that somebody asked for. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

/** Rejects with the signal's reason when it is aborted; stays pending before. For races. */
export async function abortOf(signal: AbortSignal): Promise<never> {
  signal.throwIfAborted();
  return await new Promise<never>((_, reject) =>
    signal.addEventListener("abort", () => reject(signal.reason), { once: true }),
  );
}
