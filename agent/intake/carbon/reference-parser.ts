/**
 * The carbon grammar once more, written for reading and not for speed, with strings and regular expressions: the model that
 * tests hold the parser against. It decides by the documented rules alone and shares no code with the parser but the rules
 * of series names, which are the protocol's.
 */
import { isUtf8 } from 'node:buffer'
import { seriesText } from './series-text.ts'

/** What the model says a line is. */
export type ModelVerdict = { readonly series: string; readonly value: number; readonly timestampMs: number } | string

const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/

/** @param line without its LF */
export function modelOf(line: Buffer, nowMs: number): ModelVerdict {
  if (line.length > 4096) return 'long'
  const fields = line
    .toString('latin1')
    .replace(/[ \t\r]+$/, '')
    .split(/[ \t]+/)
    .filter((field) => field !== '')
  if (fields.length === 0) return 'empty'
  const application = fields.length === 4 ? fields.shift() : undefined
  const [name = '', value = '', timestamp = ''] = fields
  if (fields.length !== 3) return 'malformed'
  if (application !== undefined && !/^[A-Za-z0-9-][A-Za-z0-9_-]{0,63}$/.test(application)) return 'malformed'
  if (/^[+-]?nan$/i.test(value)) return 'nan'
  if (/^[+-]?inf(inity)?$/i.test(value)) return 'infinite'
  if (!decimal.test(value)) return 'value'
  if (!Number.isFinite(Number(value))) return 'infinite'
  const timestampMs = modelInstant(timestamp, nowMs)
  if (timestampMs === undefined) return 'timestamp'
  if (timestampMs > nowMs + 86_400_000) return 'future'
  const nameBytes = Buffer.from(name, 'latin1')
  if (!isUtf8(nameBytes)) return 'utf8'
  const series = seriesText(nameBytes.toString('utf8'), application)
  return 'fault' in series ? series.fault : { series: series.canonical, value: Number(value), timestampMs }
}

function modelInstant(text: string, nowMs: number): number | undefined {
  if (!decimal.test(text)) return undefined
  const timestamp = Number(text)
  if (timestamp === -1) return nowMs
  if (timestamp < 0) return undefined
  return Math.round(timestamp >= 1e11 ? timestamp : timestamp * 1000) + 0
}
