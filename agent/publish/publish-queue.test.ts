import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PublishQueue } from './publish-queue.ts'

describe('PublishQueue', () => {
  it('gives a quiet series out at once', () => {
    const queue = new PublishQueue()
    queue.note(7, 1000, 42)
    expect(queue.take(0)).toEqual([{ seriesId: 7, timestampMs: 1000, value: 42 }])
    expect(queue.size).toBe(0)
  })

  it('gives a busy series out once a second, with its newest value', () => {
    const queue = new PublishQueue()
    queue.note(1, 1, 10)
    queue.take(0)
    for (let i = 2; i < 50; i++) queue.note(1, i, i * 10)
    expect(queue.take(999)).toEqual([])
    expect(queue.take(1000)).toEqual([{ seriesId: 1, timestampMs: 49, value: 490 }])
  })

  it('passes over samples older than the newest: history pushed afterwards is no news', () => {
    const queue = new PublishQueue()
    queue.note(1, 5000, 1)
    queue.note(1, 4000, 2)
    expect(queue.take(0)).toEqual([{ seriesId: 1, timestampMs: 5000, value: 1 }])
    queue.note(1, 4500, 3)
    expect(queue.take(10_000)).toEqual([])
  })

  it('spends at most its rate over all series and keeps the rest waiting', () => {
    const queue = new PublishQueue({ perSecondMax: 10 })
    for (let id = 0; id < 25; id++) queue.note(id, 1, id)
    expect(queue.take(0)).toHaveLength(10)
    expect(queue.take(500)).toHaveLength(5)
    expect(queue.take(5000)).toHaveLength(10)
    expect(queue.size).toBe(0)
  })

  it('never publishes a series twice within its interval nor a value that was not noted last', () => {
    const notes = fc.array(fc.record({ id: fc.nat(3000), value: fc.integer(), waitMs: fc.nat(700) }), {
      maxLength: 100,
    })
    fc.assert(
      fc.property(notes, (script) => {
        const queue = new PublishQueue()
        const newest = new Map<number, number>()
        const published = new Map<number, number>()
        let now = 0
        for (const [i, { id, value, waitMs }] of script.entries()) {
          now += waitMs
          queue.note(id, i, value)
          newest.set(id, value)
          for (const out of queue.take(now)) {
            expect(out.value).toBe(newest.get(out.seriesId))
            expect(now - (published.get(out.seriesId) ?? -1e9)).toBeGreaterThanOrEqual(1000)
            published.set(out.seriesId, now)
          }
        }
      }),
    )
  })
})
