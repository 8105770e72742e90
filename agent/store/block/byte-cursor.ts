/**
 * Cursors over bytes for headers: little-endian doubles, and integers of up to 53 bits as varints without BigInt.
 *
 * varint: seven bits a byte, least significant first, high bit = more follow. Signed varint: the first byte holds six bits
 * and, in 0x40, the sign; the magnitude goes on as a varint.
 */
import { corrupt } from './format.ts'

/** Writes from position 0 into a buffer that the caller made large enough. */
export class ByteWriter {
  readonly bytes: Uint8Array
  readonly view: DataView
  position = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  byte(value: number): void {
    this.bytes[this.position++] = value
  }

  double(value: number): void {
    this.view.setFloat64(this.position, value, true)
    this.position += 8
  }

  /** @param value integer, 0 to 2^53 */
  varint(value: number): void {
    let rest = value
    while (rest >= 128) {
      this.byte((rest % 128) | 128)
      rest = Math.floor(rest / 128)
    }
    this.byte(rest)
  }

  /** @param value integer, −2^53 to 2^53 */
  signedVarint(value: number): void {
    const magnitude = Math.abs(value)
    const first = (magnitude % 64) | (value < 0 ? 0x40 : 0)
    if (magnitude < 64) return this.byte(first)
    this.byte(first | 128)
    this.varint(Math.floor(magnitude / 64))
  }
}

/** Reads what ByteWriter wrote; throws BLOCK_CORRUPT at the end of the bytes or at a number that is no safe integer. */
export class ByteReader {
  readonly bytes: Uint8Array
  readonly end: number
  position: number
  #view: DataView | undefined

  constructor(bytes: Uint8Array, position: number, end: number) {
    this.bytes = bytes
    this.position = position
    this.end = end
  }

  /** A view of all of `bytes`, made when it is first asked for. */
  get view(): DataView {
    this.#view ??= new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength)
    return this.#view
  }

  byte(): number {
    if (this.position >= this.end) throw corrupt('truncated', 'the bytes end too early')
    return this.bytes[this.position++] as number
  }

  double(): number {
    if (this.position + 8 > this.end) throw corrupt('truncated', 'the bytes end too early')
    const value = this.view.getFloat64(this.position, true)
    this.position += 8
    return value
  }

  /** A double that is neither NaN nor infinite. */
  finite(): number {
    const value = this.double()
    if (!Number.isFinite(value)) throw corrupt('values', `found ${value} where a finite value was expected`)
    return value
  }

  varint(): number {
    return safe(this.#rest(1))
  }

  signedVarint(): number {
    const first = this.byte()
    const low = first & 63
    const magnitude = safe(first & 128 ? low + this.#rest(64) : low)
    return first & 0x40 ? -magnitude : magnitude
  }

  #rest(scale: number): number {
    let value = 0
    for (let factor = scale; factor < 2 ** 57; factor *= 128) {
      const byte = this.byte()
      value += (byte & 127) * factor
      if (byte < 128) return value
    }
    throw corrupt('header', 'found a number of more than eight bytes')
  }
}

function safe(value: number): number {
  if (value > Number.MAX_SAFE_INTEGER) throw corrupt('header', 'found a number beyond 2^53')
  return value
}
