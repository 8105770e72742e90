/** One part of a sequence that is read ahead: its generator and its first answer, under way. */
interface Started<T> {
  readonly parts: AsyncGenerator<T>
  readonly first: Promise<IteratorResult<T>>
}

/**
 * What the generators give, one after the other, the first answer of the next `depth` already under way: the wait for the disk overlaps
 * with the work. Ends every generator it has started, whatever happens.
 */
export async function* ahead<T>(generators: Iterable<() => AsyncGenerator<T>>, depth: number): AsyncGenerator<T> {
  const iterator = generators[Symbol.iterator]()
  const started: Started<T>[] = []
  try {
    for (;;) {
      while (started.length <= depth) {
        const { done, value } = iterator.next()
        if (done) break
        const parts = value()
        const first = parts.next()
        first.catch(() => {})
        started.push({ parts, first })
      }
      const [head] = started
      if (!head) return
      const first = await head.first
      if (!first.done) {
        yield first.value
        yield* head.parts
      }
      started.shift()
    }
  } finally {
    for (const { parts } of started) await parts.return(undefined)
    iterator.return?.()
  }
}
