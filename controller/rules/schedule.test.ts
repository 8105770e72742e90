import { describe, expect, it } from 'vitest'
import type { RuleSchedule } from '#protocol/monitors/rule.ts'
import { isActive, opensAtMs, zoneClock } from './schedule.ts'

const workdays = [1, 2, 3, 4, 5]
const office: RuleSchedule = { days: workdays, fromMinute: 480, untilMinute: 1080, zone: 'Europe/Berlin' }

function activeAt(schedule: RuleSchedule, iso: string): boolean {
  return isActive(schedule, zoneClock(schedule.zone)(Date.parse(iso)))
}

describe('a schedule', () => {
  it.each([
    ['2026-11-23T06:59:59Z', false],
    ['2026-11-23T07:00:00Z', true],
    ['2026-11-23T16:59:59Z', true],
    ['2026-11-23T17:00:00Z', false],
    ['2026-11-22T10:00:00Z', false],
    ['2026-07-20T06:00:00Z', true],
    ['2026-07-20T05:59:59Z', false],
  ])('08:00 to 18:00 in Berlin at %s', (iso, active) => expect(activeAt(office, iso)).toBe(active))

  const night: RuleSchedule = { days: [5], fromMinute: 1320, untilMinute: 360, zone: 'UTC' }
  it.each([
    ['2026-11-27T21:59:00Z', false],
    ['2026-11-27T22:00:00Z', true],
    ['2026-11-28T05:59:00Z', true],
    ['2026-11-28T06:00:00Z', false],
    ['2026-11-28T22:00:00Z', false],
    ['2026-11-27T03:00:00Z', false],
  ])('22:00 to 06:00 of Friday belongs to Friday: %s', (iso, active) => expect(activeAt(night, iso)).toBe(active))

  it('from a minute until the same one is the whole day', () => {
    expect(activeAt({ ...night, untilMinute: 1320 }, '2026-11-27T00:00:00Z')).toBe(true)
  })

  const early: RuleSchedule = { days: [0], fromMinute: 120, untilMinute: 180, zone: 'Europe/Berlin' }
  it('lacks the hour that the clocks skip', () => {
    const minutes = Array.from({ length: 1440 }, (_, i) => new Date(Date.UTC(2026, 2, 29, 0, i)).toISOString())
    expect(minutes.filter((iso) => activeAt(early, iso))).toEqual([])
  })

  it('has the hour twice that the clocks repeat', () => {
    const minutes = Array.from({ length: 1440 }, (_, i) => new Date(Date.UTC(2026, 9, 25, 0, i)).toISOString())
    expect(minutes.filter((iso) => activeAt(early, iso))).toHaveLength(120)
  })

  it('opens at the next minute inside', () => {
    expect(new Date(opensAtMs(office, Date.parse('2026-11-20T17:00:30Z')) ?? 0).toISOString()).toBe(
      '2026-11-23T07:00:00.000Z',
    )
    expect(opensAtMs({ ...office, days: [] }, 0)).toBeUndefined()
  })
})
