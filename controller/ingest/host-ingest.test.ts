import { describe, expect, it } from 'vitest'
import type { DictionaryEntry } from '#protocol/samples/format.ts'
import { HostIngest } from './host-ingest.ts'
import { type IngestCounters, type IngestLimits, ingestLimits, newIngestCounters } from './ingest-limits.ts'
import { ModelAgent } from './model-agent.ts'

/** Records what arrived, under the name of its series. */
class Recorder {
  readonly arrived: string[] = []
  open(entry: DictionaryEntry): string | undefined {
    return entry.name.startsWith('series') ? entry.name : undefined
  }
  append(series: string, _timestampMs: number, value: number): void {
    this.arrived.push(`${series}=${value}`)
  }
}

function open(limits: Partial<IngestLimits> = {}): {
  host: HostIngest<string>
  recorder: Recorder
  counters: IngestCounters
} {
  const recorder = new Recorder()
  const counters = newIngestCounters()
  const host = new HostIngest<string>({ limits: { ...ingestLimits, ...limits }, counters }, recorder)
  return { host, recorder, counters }
}

function expectedOf(seriesCount: number, from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => `series.${(from + i - 1) % seriesCount}=${from + i}`)
}

describe('the ingest of a host', () => {
  it('ingests only the positions of a batch that it has not seen, and acknowledges all of it', () => {
    const { host, recorder, counters } = open()
    const agent = new ModelAgent('s1', 2, 100)
    host.take(agent.dictionary(0, 1), 0)
    host.take(agent.batch(1, 10), 0)
    host.take(agent.batch(21, 30), 0)
    host.take(agent.batch(5, 25), 0)
    expect(recorder.arrived.toSorted()).toEqual(expectedOf(2, 1, 30).toSorted())
    expect(host.takeAcks()).toEqual([{ storeId: 's1', ranges: [{ from: 1, to: 30 }], dictionary: 2 }])
    expect(host.takeAcks()).toEqual([])
    expect(counters).toMatchObject({ batches: 3, samples: 30, duplicates: 11 })
  })

  it('acknowledges the whole range of a selection and ingests each of its samples once', () => {
    const { host, recorder } = open()
    const agent = new ModelAgent('s1', 2, 100)
    host.take(agent.dictionary(0, 1), 0)
    const take = (from: number, to: number, chosen: number[]): void => {
      const all = agent.batch(from, to)
      const kept = chosen.map((position) => position - from)
      host.take(
        {
          ...all,
          positions: Float64Array.from(chosen),
          seriesIds: Uint32Array.from(kept, (i) => all.seriesIds[i] as number),
          timestampsMs: Float64Array.from(kept, (i) => all.timestampsMs[i] as number),
          values: Float64Array.from(kept, (i) => all.values[i] as number),
        },
        0,
      )
    }
    take(1, 10, [2, 3, 9])
    take(1, 20, [2, 3, 9, 15])
    expect(recorder.arrived).toEqual(['series.1=2', 'series.0=3', 'series.0=9', 'series.0=15'])
    expect(host.takeAcks()).toEqual([{ storeId: 's1', ranges: [{ from: 1, to: 20 }], dictionary: 2 }])
  })

  it('leaves a batch with unknown series unacknowledged and says how many names it knows', () => {
    const { host, recorder, counters } = open()
    const agent = new ModelAgent('s1', 5, 100)
    host.take(agent.dictionary(0, 2), 0)
    host.takeAcks()
    host.take(agent.batch(1, 10), 0)
    expect(host.takeAcks()).toEqual([{ storeId: 's1', ranges: [], dictionary: 3 }])
    host.take(agent.dictionary(4, 4), 0)
    expect(host.takeAcks()).toEqual([{ storeId: 's1', ranges: [], dictionary: 3 }])
    host.take(agent.dictionary(1, 4), 0)
    host.take(agent.batch(1, 10), 0)
    expect(recorder.arrived).toEqual(expectedOf(5, 1, 10))
    expect(counters.unknownSeries).toBe(1)
  })

  it('knows its ranges again from its row, and asks for the names', () => {
    const first = open()
    const agent = new ModelAgent('s1', 2, 100)
    first.host.take(agent.dictionary(0, 1), 0)
    first.host.take(agent.batch(1, 10), 0)
    expect(first.host.isDirty).toBe(true)
    const row: unknown = JSON.parse(JSON.stringify(first.host.row()))
    expect(first.host.isDirty).toBe(false)

    const second = open()
    second.host.restore(row)
    second.host.take(agent.batch(1, 10), 0)
    expect(second.host.takeAcks()).toEqual([{ storeId: 's1', ranges: [{ from: 1, to: 10 }], dictionary: 0 }])
    second.host.take(agent.batch(6, 15), 0)
    expect(second.host.takeAcks()).toEqual([{ storeId: 's1', ranges: [], dictionary: 0 }])
    second.host.take(agent.dictionary(0, 1), 0)
    second.host.take(agent.batch(6, 15), 0)
    expect(second.recorder.arrived).toEqual(expectedOf(2, 11, 15))
  })

  it('asks for names apart from the ranges it acknowledges at the same time', () => {
    const { host } = open()
    const agent = new ModelAgent('s1', 2, 100)
    host.take({ ...agent.dictionary(0, 0) }, 0)
    host.take(agent.batch(1, 1), 0)
    host.take(agent.batch(2, 2), 0)
    expect(host.takeAcks()).toEqual([
      { storeId: 's1', ranges: [{ from: 1, to: 1 }], dictionary: 1 },
      { storeId: 's1', ranges: [], dictionary: 1 },
    ])
    expect(host.takeAcks()).toEqual([])
  })

  it('starts empty from a row that is none', () => {
    for (const row of [undefined, null, 7, { stores: [{ storeId: 1 }] }]) {
      const { host } = open()
      host.restore(row)
      expect(host.row()).toEqual({ stores: [] })
    }
  })

  it('starts a new store from nothing and remembers the last used few', () => {
    const { host, counters } = open({ storesPerHostMax: 2 })
    for (const storeId of ['a', 'b', 'a', 'c']) host.take(new ModelAgent(storeId, 1, 10).dictionary(0, 0), 0)
    expect(host.row().stores.map((store) => store.storeId)).toEqual(['a', 'c'])
    expect(counters).toMatchObject({ storesForgotten: 1, openSeries: 2 })
  })

  it('acknowledges and drops what is above the series limit or has no name, each counted', () => {
    const { host, recorder, counters } = open({ seriesPerHostMax: 2 })
    const agent = new ModelAgent('s1', 4, 100)
    host.take({ ...agent.dictionary(0, 2), entries: [{ name: 'series.0' }, { name: '' }, { name: 'series.2' }] }, 0)
    host.take(agent.dictionary(3, 3), 0)
    host.take(agent.batch(1, 8), 0)
    expect(recorder.arrived).toEqual(['series.0=1', 'series.0=5'])
    expect(counters).toMatchObject({ droppedName: 2, droppedSeriesLimit: 4, openSeries: 2 })
    expect(host.takeAcks()).toEqual([{ storeId: 's1', ranges: [{ from: 1, to: 8 }], dictionary: 4 }])
  })

  it('gives the names of an older store up before it refuses those of the present one', () => {
    const { host, recorder, counters } = open({ seriesPerHostMax: 3 })
    host.take(new ModelAgent('old', 3, 10).dictionary(0, 2), 0)
    const agent = new ModelAgent('new', 3, 10)
    host.take(agent.dictionary(0, 2), 0)
    host.take(agent.batch(1, 3), 0)
    expect(recorder.arrived).toEqual(expectedOf(3, 1, 3))
    expect(counters.openSeries).toBe(3)
  })

  it('bounds the ranges it remembers by forgetting the lowest', () => {
    const { host, counters } = open({ rangesPerStoreMax: 3 })
    const agent = new ModelAgent('s1', 1, 100)
    host.take(agent.dictionary(0, 0), 0)
    for (let p = 1; p <= 9; p += 2) host.take(agent.batch(p, p), 0)
    expect(host.row().stores[0]?.ranges).toEqual([5, 5, 7, 7, 9, 9])
    expect(counters.rangesForgotten).toBe(2)
  })

  it('splits an acknowledgement of very many ranges', () => {
    const { host } = open()
    const agent = new ModelAgent('s1', 1, 3000)
    host.take(agent.dictionary(0, 0), 0)
    for (let p = 1; p <= 2999; p += 2) host.take(agent.batch(p, p), 0)
    expect(host.takeAcks().map((ack) => ack.ranges.length)).toEqual([1000, 500])
  })

  it('releases the names of a silent store and asks again', () => {
    const { host, counters } = open()
    const agent = new ModelAgent('s1', 2, 100)
    host.take(agent.dictionary(0, 1), 1000)
    host.releaseIdle(2000)
    expect(counters.openSeries).toBe(0)
    host.takeAcks()
    host.take(agent.batch(1, 2), 3000)
    expect(host.takeAcks()).toEqual([{ storeId: 's1', ranges: [], dictionary: 0 }])
  })
})
