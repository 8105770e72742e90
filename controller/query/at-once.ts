/**
 * Calls `work` for each item, at most `atOnceMax` at a time, in order. Rejects with the first failure, after which no more is begun; what
 * is under way then is the caller's to stop.
 */
export async function forEachAtOnce<T>(
  items: readonly T[],
  atOnceMax: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0
  let isFailed = false
  const worker = async (): Promise<void> => {
    while (next < items.length && !isFailed) {
      try {
        await work(items[next++] as T)
      } catch (error) {
        isFailed = true
        throw error
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnceMax, items.length) }, worker))
}
