/** Carbon lines of a recorded host as batches, for the test and the bench of this format. */
import type { SampleColumns } from './format.ts'

/** One sample: series id (in order of first sight), epoch milliseconds, value. */
export type TraceSample = readonly [seriesId: number, timestampMs: number, value: number]

/** The rounds of a trace (`name value seconds` lines) whose time is a multiple of `stepSeconds` after the first. */
export function roundsOf(trace: string, stepSeconds: number): TraceSample[][] {
  const ids = new Map<string, number>()
  const rounds = new Map<number, TraceSample[]>()
  let start = Number.NaN
  for (const line of trace.trimEnd().split('\n')) {
    const [name = '', value, time] = line.split(' ')
    const seconds = Number(time)
    if (Number.isNaN(start)) start = seconds
    if ((seconds - start) % stepSeconds !== 0) continue
    const id = ids.get(name) ?? ids.size
    ids.set(name, id)
    const round = rounds.get(seconds) ?? []
    rounds.set(seconds, round)
    round.push([id, seconds * 1000, Number(value)])
  }
  return [...rounds.values()]
}

/** Samples as the columns of one batch whose first has the position `from`. */
export function columnsOf(samples: readonly TraceSample[], from = 1): SampleColumns {
  return {
    from,
    to: from + samples.length - 1,
    seriesIds: Uint32Array.from(samples, ([id]) => id),
    timestampsMs: Float64Array.from(samples, ([, time]) => time),
    values: Float64Array.from(samples, ([, , value]) => value),
  }
}

/** Rounds in order, `roundsPerBatch` to a batch. */
export function batchesOf(rounds: readonly (readonly TraceSample[])[], roundsPerBatch: number): SampleColumns[] {
  const batches: SampleColumns[] = []
  for (let i = 0; i < rounds.length; i += roundsPerBatch) {
    const from = (batches.at(-1)?.to ?? 0) + 1
    batches.push(columnsOf(rounds.slice(i, i + roundsPerBatch).flat(), from))
  }
  return batches
}
