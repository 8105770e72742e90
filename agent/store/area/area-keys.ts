/**
 * Keys of a block database: a letter, then big-endian numbers.
 *
 * | key | value |
 * |---|---|
 * | `b` day | DayFacts, JSON |
 * | `d` day, series id, start, sequence | arrival range and sealed block |
 * | `q` as `d` | a value that could not be read, as found |
 *
 * All numbers are u32; a day is written plus 2^31, so that days before 1970 sort first; `start` is the first timestamp in ms after
 * the beginning of its day.
 */
import { dayMs } from './day.ts'

const dayBias = 0x8000_0000

/** Where a block is. */
export interface BlockKey {
  readonly day: number
  readonly seriesId: number
  /** First timestamp of the block. */
  readonly startMs: number
  /** Of blocks with samples at one time the one with the highest sequence has it. */
  readonly sequence: number
}

export function blockKey(key: BlockKey): Uint8Array {
  return makeKey('d', key.day + dayBias, key.seriesId, key.startMs - key.day * dayMs, key.sequence)
}

/** The range of keys of one series in one day. */
export function seriesBounds(day: number, seriesId: number): { readonly gte: Uint8Array; readonly lt: Uint8Array } {
  return {
    gte: makeKey('d', day + dayBias, seriesId),
    lt: makeKey('d', day + dayBias, seriesId, 0xffff_ffff, 0xffff_ffff),
  }
}

/** The range of keys of all blocks of one day. */
export function dayBounds(day: number): { readonly gte: Uint8Array; readonly lt: Uint8Array } {
  return { gte: makeKey('d', day + dayBias), lt: makeKey('d', day + dayBias + 1) }
}

export function dayKey(day: number): Uint8Array {
  return makeKey('b', day + dayBias)
}

/** The day in a `b` key. */
export function dayOfKey(key: Uint8Array): number {
  return viewOf(key).getUint32(1) - dayBias
}

export function parseBlockKey(key: Uint8Array): BlockKey {
  const view = viewOf(key)
  const day = view.getUint32(1) - dayBias
  return {
    day,
    seriesId: view.getUint32(5),
    startMs: view.getUint32(9) + day * dayMs,
    sequence: view.getUint32(13),
  }
}

/** The key under which a damaged block is kept aside. */
export function quarantineKey(key: Uint8Array): Uint8Array {
  const copy = key.slice()
  copy[0] = 'q'.charCodeAt(0)
  return copy
}

function makeKey(kind: string, ...numbers: readonly number[]): Uint8Array {
  const key = new Uint8Array(1 + 4 * numbers.length)
  key[0] = kind.charCodeAt(0)
  for (const [i, n] of numbers.entries()) new DataView(key.buffer).setUint32(1 + 4 * i, n)
  return key
}

function viewOf(key: Uint8Array): DataView {
  return new DataView(key.buffer, key.byteOffset, key.byteLength)
}
