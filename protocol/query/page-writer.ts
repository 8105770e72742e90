import { ByteWriter, zigzag } from '#protocol/samples/bytes.ts'
import { exponentMax, powersOfTen } from '#protocol/samples/format.ts'
import {
  answerKind,
  answerVersion,
  chunkSamplesMax,
  doublesMode,
  type PageCursor,
  pageBytesMax,
  pageChunksMax,
  pageSamplesMax,
  textBytesMax,
} from './page-format.ts'

/** Mantissas beyond this are written as doubles: the difference of two of them still fits a zigzag. */
const mantissaMax = 2 ** 50
/** The most that one more chunk can take: two texts, and for each sample 10 bytes of time and two doubles. */
const chunkBytesMax = 2 * textBytesMax + 64 + chunkSamplesMax * 26

const encoder = new TextEncoder()

/** Fills one page; say when it is full, and where the next one begins. */
export class PageWriter {
  readonly #out = new ByteWriter(65_536)
  readonly #mantissas = new Float64Array(chunkSamplesMax)
  #name: string | undefined
  #samples = 0
  #chunks = 0

  /** True when there may be no room for one more chunk. */
  get isFull(): boolean {
    return (
      this.#out.length + chunkBytesMax + 32 > pageBytesMax ||
      this.#samples + chunkSamplesMax > pageSamplesMax ||
      this.#chunks >= pageChunksMax
    )
  }

  /**
   * Writes samples `start … start + n − 1` of a series, n being at most 2,048 and what is left; answers n. Timestamps are
   * whole and increasing, all values finite. No columns: the one value asked for is unknown. Call it only while not full.
   */
  add(
    series: { readonly name: string; readonly unit?: string | undefined },
    timestampsMs: Float64Array,
    columns: readonly Float64Array[],
    start = 0,
  ): number {
    const count = columns.length === 0 ? 0 : Math.min(chunkSamplesMax, timestampsMs.length - start)
    if (series.name === this.#name) this.#out.byte(0)
    else this.#writeName(series)
    this.#out.byte(columns.length)
    this.#out.varint(count)
    this.#writeTimes(timestampsMs, start, start + count)
    for (const column of columns) this.#writeColumn(column, start, start + count)
    this.#samples += count
    this.#chunks++
    return count
  }

  /** The page as a message body. @param next where the next one begins; absent = nothing is left */
  finish(next?: PageCursor): Uint8Array {
    const page = new ByteWriter(this.#out.length + 24)
    page.byte(answerVersion)
    page.byte(answerKind.page)
    page.byte(next ? 1 : 0)
    if (next) {
      page.varint(next.seriesId)
      page.varint(zigzag(next.fromMs))
    }
    page.append(this.#out.written())
    return page.written()
  }

  #writeName({ name, unit = '' }: { readonly name: string; readonly unit?: string | undefined }): void {
    this.#name = name
    for (const text of [name, unit]) {
      const bytes = encoder.encode(text)
      this.#out.varint(bytes.length)
      this.#out.append(bytes)
    }
  }

  /** (zigzag(delta), length) for each run of equal deltas; the first delta is from 0. */
  #writeTimes(times: Float64Array, from: number, to: number): void {
    let last = 0
    for (let start = from; start < to; ) {
      const delta = (times[start] as number) - last
      let end = start + 1
      while (end < to && (times[end] as number) - (times[end - 1] as number) === delta) end++
      this.#out.varint(zigzag(delta))
      this.#out.varint(end - start)
      last = times[end - 1] as number
      start = end
    }
  }

  #writeColumn(values: Float64Array, from: number, to: number): void {
    const exponent = exponentOf(values, from, to)
    if (exponent < 0 || !this.#scale(values, from, to, exponent)) {
      this.#out.byte(doublesMode)
      for (let i = from; i < to; i++) this.#out.double(values[i] as number)
      return
    }
    this.#out.byte(exponent)
    this.#writeMantissas(to - from)
  }

  /** The change of the mantissa, zigzagged; a 0 and a length for a run without change. */
  #writeMantissas(count: number): void {
    let last = 0
    for (let start = 0; start < count; ) {
      const mantissa = this.#mantissas[start] as number
      let end = start + 1
      if (mantissa !== last) {
        this.#out.varint(zigzag(mantissa - last))
        last = mantissa
      } else {
        while (end < count && this.#mantissas[end] === last) end++
        this.#out.byte(0)
        this.#out.varint(end - start)
      }
      start = end
    }
  }

  /** Mantissas of all values at the exponent; false when one of them is not exactly its value. */
  #scale(values: Float64Array, from: number, to: number, exponent: number): boolean {
    const power = powersOfTen[exponent] as number
    for (let i = from; i < to; i++) {
      const value = values[i] as number
      const mantissa = Math.round(value * power)
      if (!isExact(mantissa, power, value)) return false
      this.#mantissas[i - from] = mantissa
    }
    return true
  }
}

/** The most decimal places that one of the values needs, −1 when one needs more than there are. */
function exponentOf(values: Float64Array, from: number, to: number): number {
  let exponent = 0
  for (let i = from; i < to; i++) {
    const value = values[i] as number
    for (;;) {
      const power = powersOfTen[exponent] as number
      if (isExact(Math.round(value * power), power, value)) break
      if (++exponent > exponentMax) return -1
    }
  }
  return exponent
}

function isExact(mantissa: number, power: number, value: number): boolean {
  if (mantissa === 0) return Object.is(value, 0)
  return mantissa / power === value && mantissa <= mantissaMax && mantissa >= -mantissaMax
}
