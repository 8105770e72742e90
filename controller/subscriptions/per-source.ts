import type { ReadingSource } from './reading.ts'

/** What `make` makes of a source, made once while the source is there: what names a series is the greater part of each line. */
export function perSource<T extends string | Uint8Array>(
  make: (source: ReadingSource) => T,
): (source: ReadingSource) => T {
  const made = new WeakMap<ReadingSource, T>()
  return (source) => {
    const known = made.get(source)
    if (known !== undefined) return known
    const fresh = make(source)
    made.set(source, fresh)
    return fresh
  }
}
