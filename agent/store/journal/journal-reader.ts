import type { ArrivalRange } from '#protocol/samples/arrival.ts'
import { keyRange, positionKey, positionOf } from '../keys.ts'
import type { Level } from '../level.ts'
import { rowCount } from './row-decoder.ts'

/** One stored row: where it lies in the arrival order, and its bytes. */
export interface StoredRow extends ArrivalRange {
  readonly row: Uint8Array
}

/** Rows read in one step from LevelDB; a step of full rows is some 8 MiB. */
const rowsAStep = 16

/** The position of the last sample in the journal, 0 when it is empty. */
export async function lastPosition(level: Level): Promise<number> {
  const keys = await level.keys({ ...keyRange('j'), reverse: true, limit: 1 }).all()
  return keys[0] ? positionOf(keys[0]) : 0
}

/** Rows whose last sample lies above `position`, oldest first. */
export async function* rowsAbove(level: Level, position: number): AsyncGenerator<StoredRow> {
  yield* read(level, { gt: positionKey('j', position), lt: keyRange('j').lt })
}

/** Rows that touch `range`, newest first. */
export async function* rowsDown(level: Level, range: ArrivalRange): AsyncGenerator<StoredRow> {
  for await (const last of read(level, { gte: positionKey('j', range.to), lt: keyRange('j').lt, limit: 1 })) {
    if (last.from <= range.to) yield last
  }
  yield* read(level, { gte: positionKey('j', range.from), lt: positionKey('j', range.to), reverse: true })
}

async function* read(
  level: Level,
  bounds: { gt?: Uint8Array; gte?: Uint8Array; lt: Uint8Array; reverse?: boolean; limit?: number },
): AsyncGenerator<StoredRow> {
  const iterator = level.iterator({ ...bounds, fillCache: false })
  try {
    for (;;) {
      const entries = await iterator.nextv(rowsAStep)
      if (entries.length === 0) return
      for (const [key, row] of entries) {
        const to = positionOf(key)
        yield { from: to - Math.max(1, rowCount(row)) + 1, to, row }
      }
    }
  } finally {
    await iterator.close()
  }
}
