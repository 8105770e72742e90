/** When a rule is active: days and minutes on the clocks of a zone, through the changes of summer time as those clocks go. */
import type { RuleSchedule } from '#protocol/monitors/rule.ts'

/** What the clocks of a zone show. */
export interface LocalTime {
  /** 0 = Sunday. */
  readonly day: number
  /** 0 to 1,439. */
  readonly minute: number
}

const dayNames = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const minuteMs = 60_000
/** Longer than any week with a change of summer time in it. */
const searchMinutesMax = 8 * 1440

/** Reads the clocks of one IANA zone. Costs about 50 µs to make and 2 µs to read; throws RangeError for a zone nobody knows. */
export function zoneClock(zone: string): (atMs: number) => LocalTime {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  })
  return (atMs) => {
    const parts = new Map(format.formatToParts(atMs).map(({ type, value }) => [type, value]))
    const minute = Number(parts.get('hour')) * 60 + Number(parts.get('minute'))
    return { day: dayNames.indexOf(parts.get('weekday') ?? ''), minute }
  }
}

/** The clocks of all zones at one time, each read once. */
export function localTimes(atMs: number): (zone: string) => LocalTime {
  const read = new Map<string, LocalTime>()
  return (zone) => {
    const known = read.get(zone) ?? zoneClock(zone)(atMs)
    read.set(zone, known)
    return known
  }
}

/**
 * Is it time? `until` is the first minute outside. A span over midnight belongs to the day it begins on; `from` = `until` is
 * the whole day. An hour that the clocks skip is missing from the span, one that they repeat is in it twice.
 */
export function isActive({ days, fromMinute, untilMinute }: RuleSchedule, { day, minute }: LocalTime): boolean {
  if (fromMinute < untilMinute) return days.includes(day) && minute >= fromMinute && minute < untilMinute
  if (fromMinute === untilMinute) return days.includes(day)
  return minute >= fromMinute ? days.includes(day) : minute < untilMinute && days.includes((day + 6) % 7)
}

/** The first full minute after `atMs` at which the schedule is active; undefined for one that never is. */
export function opensAtMs(schedule: RuleSchedule, atMs: number): number | undefined {
  const clock = zoneClock(schedule.zone)
  const firstMs = Math.floor(atMs / minuteMs) * minuteMs
  for (let i = 1; i <= searchMinutesMax; i++) {
    const minuteAtMs = firstMs + i * minuteMs
    if (isActive(schedule, clock(minuteAtMs))) return minuteAtMs
  }
  return undefined
}
