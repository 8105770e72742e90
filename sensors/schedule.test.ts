import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { emptySchedule, type Scheduled, type ScheduleState, skippedTicks, stepSchedule, type Tick } from './schedule.ts'

/** Configures at time 0 and returns the state and the first tick of each sensor. */
function begin(sensors: readonly Scheduled[]): { state: ScheduleState; dueMs: (id: string) => number } {
  const { state } = stepSchedule(emptySchedule, { type: 'configure', sensors }, 0)
  return { state, dueMs: (id) => state.entries.get(id)?.dueMs ?? Number.NaN }
}

const wake = { type: 'wake' } as const
const id = fc.constantFrom('a', 'b', 'c', 'd')
const intervalMs = fc.constantFrom(100, 250, 1000, 10_000)
const set = fc
  .uniqueArray(fc.record({ id, intervalMs }), { selector: (one) => one.id })
  .map((sensors): readonly Scheduled[] => sensors)

describe('the schedule', () => {
  it('spreads first ticks over a tenth of a second', () => {
    const names = Array.from({ length: 50 }, (_, index) => `sensor${index}`)
    const { dueMs } = begin(names.map((name) => ({ id: name, intervalMs: 10_000 })))
    const times = names.map(dueMs)
    expect(Math.min(...times)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...times)).toBeLessThan(100)
    expect(new Set(times).size).toBeGreaterThan(30)
  })

  it('keeps ticks aligned when wake-ups are late', () => {
    const { state, dueMs } = begin([{ id: 'a', intervalMs: 1000 }])
    const first = dueMs('a')
    const late = stepSchedule(state, wake, first + 300)
    expect(late.start).toEqual([{ id: 'a', dueMs: first }])
    expect(late.wakeAtMs).toBe(first + 1000)
  })

  it('reads a slow sensor twice within a second, for its first rates, then at its interval', () => {
    const { state, dueMs } = begin([{ id: 'a', intervalMs: 10_000 }])
    const first = dueMs('a')
    const times: number[] = []
    let next = state
    for (let nowMs = first; nowMs < first + 25_000; nowMs += 100) {
      const step = stepSchedule(next, wake, nowMs)
      times.push(...step.start.map((tick) => tick.dueMs - first))
      next = stepSchedule(step.state, { type: 'settled', id: 'a' }, nowMs).state
    }
    expect(times).toEqual([0, 1000, 11_000, 21_000])
  })

  it('skips what it missed, counts it, and starts once', () => {
    const { state, dueMs } = begin([{ id: 'a', intervalMs: 1000 }])
    const { state: after, start } = stepSchedule(state, wake, dueMs('a') + 5400)
    expect(start).toEqual([{ id: 'a', dueMs: dueMs('a') + 5000 }])
    expect(skippedTicks(after, 'a')).toEqual({ late: 5, overlapped: 0 })
  })

  it('does not start a read while the one before runs, even when the sensor was taken out and put back', () => {
    const { state, dueMs } = begin([{ id: 'a', intervalMs: 1000 }])
    const running = stepSchedule(state, wake, dueMs('a')).state
    const gone = stepSchedule(running, { type: 'configure', sensors: [] }, 2000).state
    const back = stepSchedule(gone, { type: 'configure', sensors: [{ id: 'a', intervalMs: 1000 }] }, 3000).state
    const blocked = stepSchedule(back, wake, 10_000)
    expect(blocked.start).toEqual([])
    expect(skippedTicks(blocked.state, 'a').overlapped).toBeGreaterThan(0)
    const settled = stepSchedule(blocked.state, { type: 'settled', id: 'a' }, 10_000).state
    expect(stepSchedule(settled, wake, 12_000).start).toHaveLength(1)
  })

  it('measures a changed interval from the last tick', () => {
    const { state, dueMs } = begin([{ id: 'a', intervalMs: 10_000 }])
    const first = dueMs('a')
    const ticked = stepSchedule(stepSchedule(state, wake, first).state, { type: 'settled', id: 'a' }, first).state
    const faster = stepSchedule(ticked, { type: 'configure', sensors: [{ id: 'a', intervalMs: 2000 }] }, first + 500)
    expect(faster.wakeAtMs).toBe(first + 2000)
  })

  it('touches only what changed', () => {
    fc.assert(
      fc.property(set, set, fc.nat(60_000), (before, after, nowMs) => {
        const { state } = stepSchedule(begin(before).state, wake, nowMs)
        const next = stepSchedule(state, { type: 'configure', sensors: after }, nowMs).state
        expect([...next.entries.keys()]).toEqual(after.map((one) => one.id))
        for (const one of after) {
          const same = before.some((other) => other.id === one.id && other.intervalMs === one.intervalMs)
          if (same) expect(next.entries.get(one.id)).toEqual(state.entries.get(one.id))
        }
      }),
    )
  })

  it('for any wake-ups: ticks on the grid, never twice, never early, every one started or counted', () => {
    const steps = fc.array(fc.tuple(fc.nat(5000), fc.boolean()), { maxLength: 50 })
    fc.assert(
      fc.property(intervalMs, steps, (interval, script) => {
        const first = begin([{ id: 'a', intervalMs: interval }])
        let { state } = first
        const ahead = first.dueMs('a')
        const origin = interval > 1000 ? ahead + 1000 : ahead
        const started: Tick[] = []
        let nowMs = 0
        for (const [ms, settles] of script) {
          nowMs += ms
          const step = stepSchedule(state, wake, nowMs)
          started.push(...step.start)
          for (const { dueMs } of step.start) expect(dueMs).toBeLessThanOrEqual(nowMs)
          expect(step.wakeAtMs).toBeGreaterThan(nowMs)
          state = settles ? stepSchedule(step.state, { type: 'settled', id: 'a' }, nowMs).state : step.state
        }
        const times = started.map(({ dueMs }) => dueMs)
        expect(times.every((dueMs, i) => (dueMs - origin) % interval === 0 || (i === 0 && dueMs === ahead))).toBe(true)
        expect(new Set(times).size).toBe(times.length)
        const { late, overlapped } = skippedTicks(state, 'a')
        const onGrid = nowMs < origin ? 0 : Math.floor((nowMs - origin) / interval) + 1
        const passed = onGrid + (ahead < origin && nowMs >= ahead ? 1 : 0)
        expect(started.length + late + overlapped).toBe(passed)
      }),
    )
  })
})
