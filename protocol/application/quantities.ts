/** Numbers with units as people write them in application files. */
import * as z from 'zod/mini'
import { isLanistaError } from '#protocol/errors.ts'
import { parseDuration } from '#protocol/runtime/time.ts'
import { type Form, textAs, turned, written } from './forms.ts'

const unitBytes: Readonly<Record<string, number>> = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 }
const bytesForm = 'bytes like 512M or 2G (powers of 1024)'

/** `512M`, `1.5G`, `2Gi`, `64KiB`: units are powers of 1024, as Docker has them. A plain number is bytes. Undefined for other text. */
function parseBytes(text: string): number | undefined {
  const [, amount, unit = ''] = /^(\d{1,15}(?:\.\d{1,6})?) ?([KMGT]?)(?:i?B?)$/i.exec(text) ?? []
  const bytes = amount === undefined ? undefined : Number(amount) * (unitBytes[unit.toUpperCase()] as number)
  return bytes !== undefined && bytes >= 1 && bytes <= Number.MAX_SAFE_INTEGER ? Math.round(bytes) : undefined
}

/** Bytes, 1 or more. */
export const bytes: Form<number> = written(bytesForm, {
  text: textAs(bytesForm, parseBytes),
  number: z.int().check(z.minimum(1)),
})

/** `>=512M` or `512M`: at least so many bytes. */
export const bytesAtLeast: Form<number> = written(`at least so many ${bytesForm}: >=512M`, {
  text: textAs(`at least so many ${bytesForm}: >=512M`, (text) => parseBytes(text.replace(/^>= ?/, ''))),
  number: z.int().check(z.minimum(1)),
})

const coresNumber = z.number().check(z.positive(), z.maximum(4096))

/** Cores, fractions included. */
export const cores: Form<number> = coresNumber

/** `>=2` or `2`: at least so many cores. */
export const coresAtLeast: Form<number> = written('at least so many cores: >=2', {
  text: textAs('at least so many cores: >=2', (text) => {
    const [, amount] = /^>= ?(\d{1,4}(?:\.\d{1,3})?)$/.exec(text) ?? []
    return amount === undefined || Number(amount) <= 0 ? undefined : Number(amount)
  }),
  number: coresNumber,
})

/** A duration from 1 ms to 30 days, ms. */
export const duration: Form<number> = textAs('a duration from 1ms to 30d like 90s', durationOf)

/** `1s..1m`, ms. */
export const span: Form<readonly [minMs: number, maxMs: number]> = textAs('two durations like 1s..1m', (text) => {
  const [from = '', to = '', ...more] = text.split('..')
  const minMs = durationOf(from)
  const maxMs = durationOf(to)
  return more.length > 0 || minMs === undefined || maxMs === undefined || minMs > maxMs ? undefined : [minMs, maxMs]
})

/** `5/10m`: so many within that time. */
export const countWithin: Form<readonly [count: number, withinMs: number]> = textAs(
  'a count and a time like 5/10m',
  (text) => {
    const [, count = '', within = ''] = /^(\d{1,6}) ?\/ ?(.+)$/.exec(text) ?? []
    const withinMs = durationOf(within)
    return withinMs === undefined ? undefined : [Number(count), withinMs]
  },
)

/** A whole number in these bounds. */
export function whole(min: number, max: number): Form<number> {
  return z.int().check(z.minimum(min), z.maximum(max))
}

/** Text, numbers and flags as the text a process sees. */
export const plainText: Form<string> = written('text', {
  text: z.string(),
  number: turned(z.number(), String),
  flag: turned(z.boolean(), String),
})

const durationMsMax = 30 * 86_400_000

function durationOf(text: string): number | undefined {
  try {
    const ms = parseDuration(text.trim())
    return ms >= 1 && ms <= durationMsMax ? ms : undefined
  } catch (error) {
    if (isLanistaError(error, 'DURATION_INVALID')) return undefined
    throw error
  }
}
