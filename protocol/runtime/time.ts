/** Durations and points in time as people write them. Pure; the caller brings the present. */
import { LanistaError } from '#protocol/errors.ts'

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const
type Unit = keyof typeof unitMs

const durationPattern = /^(?:\d{1,9}(?:\.\d{1,6})?(?:ms|s|m|h|d|w))+$/
const partPattern = /(\d+(?:\.\d+)?)(ms|s|m|h|d|w)/g
const isoPattern = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/

/** Points in time beyond this are refused: what `Date` can hold. */
const timeMsMax = 8.64e15

/**
 * `200ms`, `90s`, `1.5h`, `1h30m`, `2d`, `1w` (week) in ms, rounded to whole ones. Units are ms, s, m (minutes), h, d, w.
 * @throws LanistaError DURATION_INVALID
 */
export function parseDuration(text: string): number {
  if (!durationPattern.test(text)) throw invalidDuration(text)
  let total = 0
  for (const [, amount, unit] of text.matchAll(partPattern)) total += Number(amount) * unitMs[unit as Unit]
  return Math.round(total)
}

/** A duration in the fewest units that say it exactly, `1h30m`, `200ms`, `0s`; the inverse of `parseDuration` for whole ms ≥ 0. */
export function formatDuration(ms: number): string {
  let rest = Math.round(ms)
  let text = ''
  for (const unit of ['d', 'h', 'm', 's', 'ms'] as const) {
    const amount = Math.floor(rest / unitMs[unit])
    rest -= amount * unitMs[unit]
    if (amount > 0) text += `${amount}${unit}`
  }
  return text === '' ? '0s' : text
}

/**
 * A point in time, epoch ms: digits are epoch milliseconds, `2026-01-31`, `2026-01-31T12:00:00Z` (UTC where no zone is given),
 * `now`, or relative to it: `-1h`, `+5m`, `now-1h30m`.
 * @throws LanistaError TIME_INVALID
 */
export function parseTime(text: string, nowMs: number): number {
  const time = /^-?\d+$/.test(text) ? Number(text) : (relative(text, nowMs) ?? iso(text))
  if (time === undefined || Math.abs(time) > timeMsMax) {
    throw new LanistaError(
      'TIME_INVALID',
      `write the time otherwise: found ${JSON.stringify(text.slice(0, 80))}, expected epoch milliseconds, ISO 8601, now, or relative like -1h`,
    )
  }
  return time
}

function relative(text: string, nowMs: number): number | undefined {
  if (text === 'now') return nowMs
  const [, sign, duration = ''] = /^(?:now)?([+-])(.+)$/.exec(text) ?? []
  if (sign === undefined || !durationPattern.test(duration)) return undefined
  return sign === '-' ? nowMs - parseDuration(duration) : nowMs + parseDuration(duration)
}

function iso(text: string): number | undefined {
  if (!isoPattern.test(text)) return undefined
  const hasZone = text.length === 10 || /(?:Z|[+-]\d{2}:?\d{2})$/.test(text.slice(10))
  const time = Date.parse(hasZone ? text : `${text}Z`)
  return Number.isNaN(time) ? undefined : time
}

function invalidDuration(text: string): LanistaError {
  return new LanistaError(
    'DURATION_INVALID',
    `write the duration otherwise: found ${JSON.stringify(text.slice(0, 80))}, expected numbers with units like 200ms, 90s, 5m, 1h30m, 1d`,
  )
}
