import { describe, expect, test } from 'vitest'
import { compileSelector } from '#protocol/metrics/selector.ts'
import { encodeBatch } from '#protocol/samples/encoder.ts'
import { CopiesHistory } from './copies-history.ts'
import { MemoryReplicaStore } from './memory-replica-store.ts'

const facts = { owner: 'o', zone: '', start: 2 }
const everything = { matches: () => true, fromMs: 0, untilMs: 1e15 }

/** One sample a second of each of two series per store, valued by its position. */
async function historyOf(
  batches: readonly { storeId: string; start: number; from: number; to: number }[],
): Promise<CopiesHistory> {
  const replicas = new MemoryReplicaStore()
  await replicas.keepNames('o', { storeId: 's1', start: 1 }, 0, [{ name: 'a' }, { name: 'b', unit: 'percent' }])
  await replicas.keepNames('o', { storeId: 's2', start: 2 }, 0, [{ name: 'c' }, { name: 'a' }])
  for (const { storeId, start, from, to } of batches) {
    const count = to - from + 1
    const at = (i: number): number => from + i
    const rows = encodeBatch(storeId, {
      from,
      to,
      seriesIds: Uint32Array.from({ length: count }, (_, i) => at(i) % 2),
      timestampsMs: Float64Array.from({ length: count }, (_, i) => at(i) * 1000),
      values: Float64Array.from({ length: count }, (_, i) => at(i) + start / 10),
    })
    await replicas.keep(facts, { storeId, start, from, to, idsTo: 2, rows })
  }
  await replicas.keepNames('o', { storeId: 's1', start: 3 }, 0, [{ name: 'a' }, { name: 'd' }])
  const starts = [1, 2, 3].map((start) => ({ storeId: start === 2 ? 's2' : 's1', start }))
  return CopiesHistory.open(replicas, 'o', starts)
}

async function all<T>(pieces: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const piece of pieces) list.push(piece)
  return list
}

describe('the history in copies', () => {
  test('names the samples of each lane as that lane did, also where a clone gave its ids to other series', async () => {
    const history = await historyOf([
      { storeId: 's1', start: 1, from: 1, to: 4 },
      { storeId: 's1', start: 3, from: 3, to: 6 },
    ])
    const pieces = await all(history.read(everything))
    expect(pieces.map(({ name, values }) => [name, [...values]])).toEqual([
      ['a', [2.1, 4.3, 6.3]],
      ['b', [1.1, 3.1]],
      ['d', [3.3, 5.3]],
    ])
  })

  test('has each time of a series once, whatever overlaps, the latest start winning', async () => {
    const history = await historyOf([
      { storeId: 's1', start: 1, from: 2, to: 8 },
      { storeId: 's1', start: 1, from: 4, to: 10 },
      { storeId: 's2', start: 2, from: 3, to: 5 },
    ])
    const pieces = await all(history.read(everything))
    expect(pieces.map(({ name, unit, timestampsMs, values }) => [name, unit, [...timestampsMs], [...values]])).toEqual([
      ['a', undefined, [2000, 3000, 4000, 5000, 6000, 8000, 10_000], [2.1, 3.2, 4.1, 5.2, 6.1, 8.1, 10.1]],
      ['b', 'percent', [3000, 5000, 7000, 9000], [3.1, 5.1, 7.1, 9.1]],
      ['c', undefined, [4000], [4.2]],
    ])
  })

  test('answers what is asked for: series, times, the newest, functions', async () => {
    const history = await historyOf([{ storeId: 's1', start: 1, from: 1, to: 10 }])
    const some = await all(history.read({ ...everything, matches: compileSelector('b'), fromMs: 3000, untilMs: 7000 }))
    expect(some.map(({ timestampsMs, stepMs }) => [[...timestampsMs], stepMs])).toEqual([[[3000, 5000, 7000], 2000]])
    const newest = await all(history.read({ ...everything, newest: true }))
    expect(newest.map(({ values }) => [...values])).toEqual([[10.1], [9.1]])
    const before = await all(history.read({ ...everything, untilMs: 6500, newest: true }))
    expect(before.map(({ timestampsMs, values }) => [...timestampsMs, ...values])).toEqual([
      [6000, 6.1],
      [5000, 5.1],
    ])
    const sums = await all(
      history.windows({ ...everything, untilMs: 9999, function: 'count', stepMs: 5000, matches: compileSelector('a') }),
    )
    expect(sums[0]?.windows).toEqual([
      [0, 2],
      [5000, 2],
    ])
    const one = await all(history.windows({ ...everything, function: 'max' }))
    expect(one.map(({ windows }) => windows[0]?.[1])).toEqual([10.1, 9.1])
    expect(history.seriesCount).toBe(4)
    expect(() => history.seriesEntry(4)).toThrow(RangeError)
  })

  test('stops when it is told to', async () => {
    const history = await historyOf([{ storeId: 's1', start: 1, from: 1, to: 10 }])
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(all(history.read({ ...everything, signal }))).rejects.toThrow('enough')
  })
})
