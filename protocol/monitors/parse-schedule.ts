import type { ScheduleEntry } from './axe-schema.ts'
import type { Mistakes } from './mistakes.ts'
import type { RuleSchedule } from './rule.ts'

const dayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

/** `{days: Mon-Fri, from: "08:00", until: "18:00", zone: Europe/Berlin}`; every day, the whole day and UTC where nothing is said. */
export function parseSchedule(entry: ScheduleEntry, mistakes: Mistakes): RuleSchedule {
  const { days = 'Mon-Sun', from = '00:00', until = '24:00', zone = 'UTC' } = entry
  if (!isZone(zone)) mistakes.expected('zone', 'a time zone like Europe/Berlin', zone)
  const fromMinute = minuteOf('from', from, mistakes)
  const untilMinute = minuteOf('until', until, mistakes)
  if (fromMinute === untilMinute) mistakes.expected('until', 'another time than from', until)
  const texts = (typeof days === 'string' ? [days] : days).flatMap((text) => text.split(','))
  const found = texts.flatMap((text) => daysOf(text.trim().toLowerCase(), mistakes))
  return { days: [...new Set(found)].sort((a, b) => a - b), fromMinute, untilMinute, zone }
}

function daysOf(text: string, mistakes: Mistakes): number[] {
  const [first, last, ...more] = text.split('-').map((name) => dayNames.indexOf(name))
  if (first === undefined || first < 0 || last === -1 || more.length > 0) {
    mistakes.expected('days', 'days like Mon-Fri or Sat,Sun', text)
    return []
  }
  const count = last === undefined ? 1 : ((last - first + 7) % 7) + 1
  return Array.from({ length: count }, (_, i) => (first + i) % 7)
}

function minuteOf(key: string, text: string, mistakes: Mistakes): number {
  const [, hours, minutes] = /^(\d{1,2}):([0-5]\d)$/.exec(text) ?? []
  const minute = Number(hours) * 60 + Number(minutes)
  if (minute <= 1_440) return minute
  mistakes.expected(key, 'a time of day like 08:00', text)
  return 0
}

function isZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}
