import { crc32c } from '../block/crc32c.ts'
import { rawValue, rowChecksumBytes, rowVersion, sampleBytesMax } from './row-format.ts'
import { putVarint, varintBytesMax, zigzag } from './varint.ts'

const headerBytesMax = rowChecksumBytes + 1 + 3 * varintBytesMax
const magnitudeMax = 2 ** 48

/** Encodes journal rows into one reused buffer. The hot path of intake: nothing is allocated per sample. */
export class RowEncoder {
  #bytes: Uint8Array = new Uint8Array(4096)
  #view: DataView = new DataView(this.#bytes.buffer)

  /**
   * Encodes samples `start … start + count − 1` of the columns. Timestamps are integers within ±2^51, values any finite doubles.
   * @returns a view that is valid until the next call
   */
  encode(ids: Uint32Array, times: Float64Array, values: Float64Array, start: number, count: number): Uint8Array {
    this.#reserve(headerBytesMax + count * sampleBytesMax)
    const end = start + count
    const idsAt = headerBytesMax
    const timesAt = this.#putIds(idsAt, ids, start, end)
    const valuesAt = this.#putTimes(timesAt, times, start, end)
    const rowEnd = this.#putValues(valuesAt, values, start, end)
    const header = new Uint8Array(headerBytesMax)
    header[rowChecksumBytes] = rowVersion
    let at = putVarint(header, rowChecksumBytes + 1, count)
    at = putVarint(header, at, timesAt - idsAt)
    at = putVarint(header, at, valuesAt - timesAt)
    const rowStart = idsAt - at
    this.#bytes.set(header.subarray(0, at), rowStart)
    this.#view.setUint32(rowStart, crc32c(this.#bytes.subarray(rowStart + rowChecksumBytes, rowEnd)), true)
    return this.#bytes.subarray(rowStart, rowEnd)
  }

  #reserve(bytes: number): void {
    if (this.#bytes.length >= bytes) return
    this.#bytes = new Uint8Array(bytes)
    this.#view = new DataView(this.#bytes.buffer)
  }

  /** Runs of ids that go up by one: distance of the first from the id after the run before, then length − 1. */
  #putIds(from: number, ids: Uint32Array, start: number, end: number): number {
    const bytes = this.#bytes
    let at = from
    let expected = 0
    for (let i = start; i < end; ) {
      const first = ids[i] as number
      let next = first + 1
      let j = i + 1
      while (j < end && ids[j] === next) {
        next++
        j++
      }
      at = putVarint(bytes, at, zigzag(first - expected))
      at = putVarint(bytes, at, j - i - 1)
      expected = next
      i = j
    }
    return at
  }

  /** Runs of one distance: the distance from the timestamp before (0 before the first), then length − 1. */
  #putTimes(from: number, times: Float64Array, start: number, end: number): number {
    const bytes = this.#bytes
    let at = from
    let before = 0
    for (let i = start; i < end; ) {
      const distance = (times[i] as number) - before
      let last = times[i] as number
      let j = i + 1
      while (j < end && (times[j] as number) - last === distance) {
        last = times[j] as number
        j++
      }
      at = putVarint(bytes, at, zigzag(distance))
      at = putVarint(bytes, at, j - i - 1)
      before = last
      i = j
    }
    return at
  }

  /** A control byte each (length 0–6 or raw, scale, sign) and the magnitude of value × 10^scale, or the double itself. */
  #putValues(from: number, values: Float64Array, start: number, end: number): number {
    const bytes = this.#bytes
    let at = from
    for (let i = start; i < end; i++) {
      const value = values[i] as number
      let scaled = value
      let scale = 0
      if (value !== Math.trunc(value)) {
        scaled = Math.round(value * 100)
        scale = 2
        if (scaled / 100 !== value) {
          scaled = Math.round(value * 1000)
          scale = 3
          if (scaled / 1000 !== value) scale = -1
        }
      } else if (value === 0 && Object.is(value, -0)) scale = -1
      const magnitude = scaled < 0 ? -scaled : scaled
      if (scale < 0 || magnitude >= magnitudeMax) {
        bytes[at] = rawValue
        this.#view.setFloat64(at + 1, value, true)
        at += 9
        continue
      }
      const control = (scale << 3) | (scaled < 0 ? 32 : 0)
      if (magnitude < 0x1_0000_0000) {
        let low = magnitude >>> 0
        let length = 0
        while (low > 0) {
          bytes[at + 1 + length++] = low
          low >>>= 8
        }
        bytes[at] = control | length
        at += 1 + length
      } else {
        const high = Math.floor(magnitude / 0x1_0000_0000)
        this.#view.setUint32(at + 1, magnitude >>> 0, true)
        this.#view.setUint16(at + 5, high, true)
        bytes[at] = control | 6
        at += 7
      }
    }
    return at
  }
}
