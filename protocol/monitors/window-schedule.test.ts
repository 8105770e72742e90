import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WindowSchedule, type WindowTiming } from './window-schedule.ts'

function scheduleOf(timings: Readonly<Record<string, WindowTiming>>, nowMs = 0, catchUpMax?: number): WindowSchedule {
  const schedule = new WindowSchedule(catchUpMax)
  schedule.set(new Map(Object.entries(timings)), nowMs)
  return schedule
}

const ends = (schedule: WindowSchedule, nowMs: number): number[] => schedule.due(nowMs).map((due) => due.windowEndMs)
const m = { everyMs: 10, delayMs: 5 }

describe('windows are due', () => {
  it('once each, so long after their end', () => {
    const schedule = scheduleOf({ m }, 14)
    expect([ends(schedule, 14), ends(schedule, 15), ends(schedule, 24), ends(schedule, 25)]).toEqual([
      [],
      [10],
      [],
      [20],
    ])
    expect(schedule.nextMs(25)).toBe(35)
    expect(schedule.nextMs(34)).toBe(35)
  })

  it('by end, then in the order of the keys', () => {
    const schedule = scheduleOf({ b: m, a: { everyMs: 20, delayMs: 0 } })
    expect(schedule.due(45)).toEqual([
      { key: 'b', windowEndMs: 0 },
      { key: 'b', windowEndMs: 10 },
      { key: 'b', windowEndMs: 20 },
      { key: 'a', windowEndMs: 20 },
      { key: 'b', windowEndMs: 30 },
      { key: 'b', windowEndMs: 40 },
      { key: 'a', windowEndMs: 40 },
    ])
  })

  it('after a pause as far as the newest few, the rest counted', () => {
    const schedule = scheduleOf({ m }, 15, 3)
    expect(ends(schedule, 1_000)).toEqual([970, 980, 990])
    expect(schedule.skipped).toBe(95)
  })

  it('from where somebody left off', () => {
    expect(ends(scheduleOf({ m: { ...m, lastEndMs: 20 } }, 55), 55)).toEqual([30, 40, 50])
  })

  it('again at once when a clock that was two days ahead comes back, without those that were done', () => {
    const twoDays = 172_800_000
    const schedule = scheduleOf({ m }, 15, 3)
    expect(ends(schedule, 35)).toEqual([20, 30])
    expect(ends(schedule, twoDays)).toHaveLength(3)
    expect(ends(schedule, 45)).toEqual([40])
    expect(ends(schedule, 36)).toEqual([])
    expect(ends(schedule, 65)).toEqual([50, 60])
  })

  it('undisturbed by changes of others', () => {
    const schedule = scheduleOf({ m }, 15)
    schedule.set(
      new Map([
        ['n', m],
        ['m', { ...m }],
      ]),
      38,
    )
    expect(schedule.due(45)).toEqual([
      { key: 'm', windowEndMs: 20 },
      { key: 'm', windowEndMs: 30 },
      { key: 'n', windowEndMs: 40 },
      { key: 'm', windowEndMs: 40 },
    ])
  })

  it('never twice, never before their time, whatever the clock does', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -60, max: 200 }), { maxLength: 8 }), (steps) => {
        const schedule = scheduleOf({ m }, 0, 4)
        const seen = new Set<number>()
        let nowMs = 0
        for (const step of steps) {
          nowMs += step
          for (const endMs of ends(schedule, nowMs)) {
            expect(seen.has(endMs)).toBe(false)
            expect(endMs + m.delayMs).toBeLessThanOrEqual(nowMs)
            seen.add(endMs)
          }
        }
      }),
    )
  })
})
