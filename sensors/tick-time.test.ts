import { describe, expect, it } from 'vitest'
import { TickTime } from './tick-time.ts'

describe('TickTime', () => {
  it('puts stamps exactly one interval apart, however much the starts jitter', () => {
    const time = new TickTime()
    const jitter = [0.4, 17.2, 3.9, 99.1, 0]
    const stamps = jitter.map((ms, index) => time.stamp(index * 1000, index * 1000 + ms, 5_000_000 + index * 1000 + ms))
    expect(stamps.map((stamp) => stamp - (stamps[0] ?? 0))).toEqual([0, 1000, 2000, 3000, 4000])
  })

  it('tells the true time of a read that is late', () => {
    const time = new TickTime()
    expect(time.stamp(1000, 1500, 9_001_500)).toBe(9_001_500)
  })

  it('follows a step of the wall clock and counts it', () => {
    const time = new TickTime()
    time.stamp(0, 0, 1_000_000)
    expect(time.stamp(1000, 1000, 500_000)).toBe(500_000)
    expect(time.steps).toBe(1)
  })
})
