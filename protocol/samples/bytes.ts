/**
 * The two primitives of the sample columns: unsigned LEB128 varints (7 bits a byte, least significant first) of 0 to 2^53 − 1,
 * and little-endian doubles. Signed numbers are zigzagged first: 0, −1, 1, −2 … become 0, 1, 2, 3 …
 */
import { invalidSamples } from './format.ts'

/** Zigzag is exact up to this magnitude, with room for a small offset. */
export const zigzagMax: number = 2 ** 51

/** A varint has at most 8 bytes, the last one counting 128^7. */
const varintScaleMax = 128 ** 7

/** Signed to unsigned; `n` must be an integer of at most `zigzagMax` in magnitude. */
export function zigzag(n: number): number {
  return n < 0 ? -n * 2 - 1 : n * 2
}

/** The inverse of `zigzag`. */
export function unzigzag(n: number): number {
  return n % 2 === 0 ? n / 2 : -(n + 1) / 2
}

/** Bytes written one after another into a buffer that grows. */
export class ByteWriter {
  #bytes: Uint8Array
  #view: DataView
  #length = 0

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(Math.max(16, capacity))
    this.#view = new DataView(this.#bytes.buffer)
  }

  get length(): number {
    return this.#length
  }

  byte(value: number): void {
    this.#reserve(1)
    this.#bytes[this.#length++] = value
  }

  varint(value: number): void {
    this.#reserve(8)
    let rest = value
    while (rest > 0x7fff_ffff) {
      this.#bytes[this.#length++] = (rest % 128) | 128
      rest = Math.floor(rest / 128)
    }
    while (rest > 127) {
      this.#bytes[this.#length++] = (rest & 127) | 128
      rest >>>= 7
    }
    this.#bytes[this.#length++] = rest
  }

  double(value: number): void {
    this.#reserve(8)
    this.#view.setFloat64(this.#length, value, true)
    this.#length += 8
  }

  append(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  /** What was written, as a view that is valid until the next write. */
  written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more))
    grown.set(this.#bytes)
    this.#bytes = grown
    this.#view = new DataView(grown.buffer)
  }
}

/** Reads what a ByteWriter wrote; every read past the end throws SAMPLES_INVALID. */
export class ByteReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  byte(): number {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) throw invalidSamples('the columns end early')
    return byte
  }

  varint(): number {
    let byte = this.byte()
    let value = byte & 127
    for (let scale = 128; byte > 127; scale *= 128) {
      byte = this.byte()
      value += (byte & 127) * scale
      if (value > Number.MAX_SAFE_INTEGER || scale > varintScaleMax)
        throw invalidSamples('a varint of more than 53 bits')
    }
    return value
  }

  double(): number {
    if (this.left < 8) throw invalidSamples('the columns end early')
    const value = this.#view.getFloat64(this.#at, true)
    this.#at += 8
    return value
  }

  /** The next `length` bytes, as a view. */
  take(length: number): Uint8Array {
    if (length > this.left) throw invalidSamples('the columns end early')
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }
}
