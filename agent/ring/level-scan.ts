import type { Level } from '../store/level.ts'

/** Keys in `[gte, lt)`. */
export interface KeyBounds {
  readonly gte: Uint8Array
  readonly lt: Uint8Array
}

/** Keys read in one step. */
const keysAStep = 512
/** Rows read in one step; each is at most a message long. */
const rowsAStep = 8

/** Keys in order, of the database as it is now; past the cache, which is for what is read again. */
export async function* keysWithin(level: Level, bounds: KeyBounds): AsyncGenerator<Uint8Array> {
  const keys = level.keys({ ...bounds, fillCache: false })
  try {
    for (;;) {
      const some = await keys.nextv(keysAStep)
      if (some.length === 0) return
      yield* some
    }
  } finally {
    await keys.close()
  }
}

/** Keys and values in order, like `keysWithin`. */
export async function* rowsWithin(level: Level, bounds: KeyBounds): AsyncGenerator<[Uint8Array, Uint8Array]> {
  const iterator = level.iterator({ ...bounds, fillCache: false })
  try {
    for (;;) {
      const entries = await iterator.nextv(rowsAStep)
      if (entries.length === 0) return
      yield* entries
    }
  } finally {
    await iterator.close()
  }
}
