import { describe, expect, it } from 'vitest'
import { spanOf } from '#protocol/aggregation/span.ts'
import { isWholeTime } from './time-coverage.ts'

const everyMs = 15
function isWhole(timesMs: readonly number[], fromMs: number | 'open' = 0): boolean {
  const span = spanOf(timesMs.map((timeMs) => [timeMs, 1] as const))
  return isWholeTime(span, fromMs === 'open' ? undefined : fromMs, 300, everyMs)
}

const regular = Array.from({ length: 30 }, (_, i) => 10 * i)
const sparse = [0, 60, 120, 180, 240]

describe('the samples of a window stand for all of it', () => {
  it('when they come at their usual intervals, two lost in a row included', () => {
    expect(isWhole(regular)).toBe(true)
    expect(isWhole(sparse)).toBe(true)
    expect(isWhole(regular.filter((timeMs) => timeMs !== 50 && timeMs !== 60))).toBe(true)
    expect(isWhole(sparse.filter((timeMs) => timeMs !== 120))).toBe(true)
  })

  it('not when the series fell silent, began, or was away for a while', () => {
    expect(isWhole(regular.filter((timeMs) => timeMs < 250))).toBe(false)
    expect(isWhole(regular.filter((timeMs) => timeMs >= 50))).toBe(false)
    expect(isWhole(regular.filter((timeMs) => timeMs < 50 || timeMs > 90))).toBe(false)
    expect(isWhole([0, 10, 280, 290])).toBe(false)
    expect(isWhole([])).toBe(false)
  })

  it('of one sample, when it is of the time since the window before; of a number of samples, from the first on', () => {
    expect(isWhole([0])).toBe(false)
    expect(isWhole([290])).toBe(false)
    expect(isWhole([290], 'open')).toBe(true)
    expect(isWhole([285], 280)).toBe(true)
    expect(isWhole([200, 210], 'open')).toBe(false)
  })
})
