import { isLanistaError } from '#protocol/errors.ts'
import type { ArrivalRange } from '#protocol/samples/arrival.ts'
import { joinBatches } from '../consumer.ts'
import { keyRange, positionKey, positionOf } from '../keys.ts'
import type { Level } from '../level.ts'
import type { ArrivalRun, SampleBatch } from '../store.ts'
import { rowsAbove, type StoredRow } from './journal-reader.ts'
import { decodeRow } from './row-decoder.ts'

/** The first position in the journal; `next`, the position of the next sample, when it is empty. */
export async function firstArrival(level: Level, next: number): Promise<number> {
  for await (const row of rowsAbove(level, 0)) return row.from
  return next
}

/** The first run of samples within a range, at most `samplesMax` of them, and what lies empty before it. */
export async function readRun(level: Level, range: ArrivalRange, samplesMax: number): Promise<ArrivalRun> {
  const parts: SampleBatch[] = []
  let next = range.from
  let end = range.to
  for await (const row of rowsAbove(level, range.from - 1)) {
    if (row.from > end || (parts.length > 0 && row.from !== next)) break
    const part = sliceOf(row, { from: Math.max(row.from, range.from), to: end })
    if (!part && parts.length === 0) return { void: { from: range.from, to: row.to } }
    if (!part) break
    if (parts.length === 0) end = Math.min(end, part.from + samplesMax - 1)
    const fits = part.to <= end ? part : cut(part, end)
    parts.push(fits)
    next = fits.to + 1
    if (next > end) break
  }
  const first = parts[0]
  if (!first) return { void: { from: (await lastBefore(level, range.from)) + 1, to: range.to } }
  return {
    run: joinBatches(parts),
    void: first.from > range.from ? { from: range.from, to: first.from - 1 } : undefined,
  }
}

/** Undefined when the row cannot be read: its samples are as good as gone, and whoever has a copy can give them back. */
function sliceOf(row: StoredRow, range: ArrivalRange): SampleBatch | undefined {
  const to = Math.min(row.to, range.to)
  try {
    const { seriesIds, timestampsMs, values } = decodeRow(row.row)
    return cut({ from: row.from, to: row.to, seriesIds, timestampsMs, values }, to, range.from)
  } catch (error) {
    if (isLanistaError(error, 'JOURNAL_ROW_CORRUPT')) return undefined
    throw error
  }
}

function cut(batch: SampleBatch, to: number, from: number = batch.from): SampleBatch {
  const [start, end] = [from - batch.from, to - batch.from + 1]
  return {
    from,
    to,
    seriesIds: batch.seriesIds.subarray(start, end),
    timestampsMs: batch.timestampsMs.subarray(start, end),
    values: batch.values.subarray(start, end),
  }
}

/** Position of the last sample before a position, 0 when there is none. */
async function lastBefore(level: Level, position: number): Promise<number> {
  const bounds = { gte: keyRange('j').gte, lt: positionKey('j', position), reverse: true, limit: 1 }
  const [key] = await level.keys(bounds).all()
  return key ? positionOf(key) : 0
}
