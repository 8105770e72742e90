import type { OpenSamples } from './open-samples.ts'

/** Series that are sealed, stored sparsely and folded together: 2^6 neighbouring ids. */
export const groupShift = 6
export const groupSize: number = 1 << groupShift

/** The group a series belongs to. */
export function groupOf(seriesId: number): number {
  return seriesId >>> groupShift
}

/** Samples of one group in arrival order. */
export interface Bucket {
  readonly group: number
  readonly seriesIds: Uint32Array
  readonly timestampsMs: Float64Array
  readonly values: Float64Array
}

/**
 * All samples, group by group: a counting sort of their numbers in two passes, 4 bytes a sample while it runs. Empty groups are left
 * out; the arrays of a bucket are its own.
 */
export function* buckets(samples: OpenSamples): Generator<Bucket> {
  const starts = startsOfGroups(samples)
  const numbers = new Uint32Array(samples.count)
  const next = starts.slice()
  let n = 0
  for (const { seriesIds, start, count } of samples.segments(0, samples.count)) {
    for (let i = start; i < start + count; i++) {
      const group = (seriesIds[i] as number) >>> groupShift
      const at = next[group] as number
      numbers[at] = n++
      next[group] = at + 1
    }
  }
  for (let group = 0; group < starts.length - 1; group++) {
    const start = starts[group] as number
    const end = starts[group + 1] as number
    if (end === start) continue
    const seriesIds = new Uint32Array(end - start)
    const timestampsMs = new Float64Array(end - start)
    const values = new Float64Array(end - start)
    samples.pick(numbers.subarray(start, end), seriesIds, timestampsMs, values)
    yield { group, seriesIds, timestampsMs, values }
  }
}

/** Where each group's samples begin when sorted; one more entry at the end. */
function startsOfGroups(samples: OpenSamples): Uint32Array {
  let highest = -1
  for (const { seriesIds, start, count } of samples.segments(0, samples.count)) {
    for (let i = start; i < start + count; i++) if ((seriesIds[i] as number) > highest) highest = seriesIds[i] as number
  }
  const starts = new Uint32Array((highest >> groupShift) + 2)
  for (const { seriesIds, start, count } of samples.segments(0, samples.count)) {
    for (let i = start; i < start + count; i++) {
      const after = ((seriesIds[i] as number) >>> groupShift) + 1
      starts[after] = (starts[after] as number) + 1
    }
  }
  for (let group = 1; group < starts.length; group++) {
    starts[group] = (starts[group] as number) + (starts[group - 1] as number)
  }
  return starts
}

/** Samples of one series, in the order of the bucket. */
export interface SeriesSamples {
  readonly seriesId: number
  readonly timestampsMs: Float64Array
  readonly values: Float64Array
}

/** A bucket by series, the dense ones apart: those with at least `denseMin` samples, each in arrays of its own. */
export function splitBucket(
  bucket: Omit<Bucket, 'group'>,
  denseMin: number,
): { readonly dense: SeriesSamples[]; readonly sparse: Omit<Bucket, 'group'> } {
  const { seriesIds, timestampsMs, values } = bucket
  const counts = new Uint32Array(groupSize)
  for (const id of seriesIds) counts[id & (groupSize - 1)] = (counts[id & (groupSize - 1)] as number) + 1
  const base = ((seriesIds[0] ?? 0) >>> groupShift) << groupShift
  const series = Array.from(counts, (count, i) =>
    count >= denseMin && count > 0
      ? { seriesId: base + i, timestampsMs: new Float64Array(count), values: new Float64Array(count) }
      : undefined,
  )
  const dense = series.filter((of) => of !== undefined)
  if (dense.length === 0) return { dense, sparse: bucket }
  const sparseCount = seriesIds.length - dense.reduce((sum, of) => sum + of.values.length, 0)
  const sparse = {
    seriesIds: new Uint32Array(sparseCount),
    timestampsMs: new Float64Array(sparseCount),
    values: new Float64Array(sparseCount),
  }
  const next = new Uint32Array(groupSize)
  let sparseNext = 0
  for (let i = 0; i < seriesIds.length; i++) {
    const slot = (seriesIds[i] as number) & (groupSize - 1)
    const of = series[slot]
    if (of) {
      const at = next[slot] as number
      of.timestampsMs[at] = timestampsMs[i] as number
      of.values[at] = values[i] as number
      next[slot] = at + 1
    } else {
      sparse.seriesIds[sparseNext] = seriesIds[i] as number
      sparse.timestampsMs[sparseNext] = timestampsMs[i] as number
      sparse.values[sparseNext] = values[i] as number
      sparseNext++
    }
  }
  return { dense, sparse }
}
