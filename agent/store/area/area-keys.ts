/**
 * Keys of a block database: a letter, then big-endian numbers.
 *
 * | key | value |
 * |---|---|
 * | `a` | the latest day that was dropped whole, JSON |
 * | `b` day | DayFacts, JSON |
 * | `d` day, series id, start, sequence | arrival range and sealed block |
 * | `p` day, group, sequence, part | arrival range and page: samples of 64 neighbouring series that had few |
 * | `q` as `d` or `p` | a value that could not be read, as found |
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

/** Where a page is. */
export interface PageKey {
  readonly day: number
  /** Series id / 64. */
  readonly group: number
  readonly sequence: number
  /** 0 unless one sealing had more than a page holds. */
  readonly part: number
}

export function pageKey(key: PageKey): Uint8Array {
  return makeKey('p', key.day + dayBias, key.group, key.sequence, key.part)
}

export function parsePageKey(key: Uint8Array): PageKey {
  const view = viewOf(key)
  return {
    day: view.getUint32(1) - dayBias,
    group: view.getUint32(5),
    sequence: view.getUint32(9),
    part: view.getUint32(13),
  }
}

/** The range of keys of the pages of one group in one day. */
export function groupBounds(day: number, group: number): Bounds {
  return { gte: makeKey('p', day + dayBias, group), lt: makeKey('p', day + dayBias, group + 1) }
}

/** A range of keys. */
export interface Bounds {
  readonly gte: Uint8Array
  readonly lt: Uint8Array
}

export function blockKey(key: BlockKey): Uint8Array {
  return makeKey('d', key.day + dayBias, key.seriesId, key.startMs - key.day * dayMs, key.sequence)
}

/** The range of keys of the blocks of series `first … end − 1` in one day. */
export function seriesBounds(day: number, first: number, end: number = first + 1): Bounds {
  return { gte: makeKey('d', day + dayBias, first), lt: makeKey('d', day + dayBias, end) }
}

/** The ranges of keys of all blocks and all pages of one day. */
export function dayBounds(day: number): readonly [blocks: Bounds, pages: Bounds] {
  const of = (kind: string): Bounds => ({ gte: makeKey(kind, day + dayBias), lt: makeKey(kind, day + dayBias + 1) })
  return [of('d'), of('p')]
}

/** The ranges of keys of all blocks and of all pages. */
export function allDays(): readonly Bounds[] {
  return ['d', 'p'].map((kind) => ({
    gte: Uint8Array.of(kind.charCodeAt(0)),
    lt: Uint8Array.of(kind.charCodeAt(0) + 1),
  }))
}

/** Where the day after that of a `d` or `p` key begins. */
export function nextDay(key: Uint8Array): Uint8Array {
  return makeKey(String.fromCharCode(key[0] ?? 0), viewOf(key).getUint32(1) + 1)
}

export function dayKey(day: number): Uint8Array {
  return makeKey('b', day + dayBias)
}

/** The day in a `b`, `d` or `p` key. */
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
