/** Does something for each, at most `limit` at a time. Rejects with the first error; none is begun after it. */
export async function eachOf<T>(
  items: readonly T[],
  limit: number,
  act: (item: T) => Promise<void>,
): Promise<void> {
  const left = items.values();
  let failed = false;
  async function work(): Promise<void> {
    for (let next = left.next(); !next.done && !failed; next = left.next()) {
      try {
        await act(next.value);
      } catch (thrown) {
        failed = true;
        throw thrown;
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, work));
}
