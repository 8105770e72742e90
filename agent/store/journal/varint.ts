/** Base-128 numbers, low group first, for safe integers from 0 (LEB128 as in Protocol Buffers), and zigzag for signed ones. */

/** Bytes of the longest varint: 2^53 − 1 in groups of seven bits. */
export const varintBytesMax = 8

/** Writes `n` at `at` and returns where the next byte goes. The caller has made room. */
export function putVarint(bytes: Uint8Array, at: number, n: number): number {
  let rest = n
  let end = at
  while (rest >= 0x8000_0000) {
    bytes[end++] = (rest % 128) | 0x80
    rest = Math.floor(rest / 128)
  }
  while (rest >= 0x80) {
    bytes[end++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  bytes[end++] = rest
  return end
}

/** Maps 0, −1, 1, −2 … to 0, 1, 2, 3 …, so that small distances stay small. Exact within ±2^52. */
export function zigzag(n: number): number {
  return n >= 0 ? n * 2 : -n * 2 - 1
}

/** Inverse of `zigzag`. */
export function unzigzag(n: number): number {
  return n % 2 === 0 ? n / 2 : -(n + 1) / 2
}

/** Reads varints from a region; a read past its end or beyond 2^53 − 1 sets `failed` and answers 0. */
export class VarintReader {
  readonly #bytes: Uint8Array
  readonly #end: number
  /** Where the next byte is read. */
  at: number
  failed = false

  constructor(bytes: Uint8Array, from: number, end: number) {
    this.#bytes = bytes
    this.at = from
    this.#end = Math.min(end, bytes.length)
  }

  get isAtEnd(): boolean {
    return this.at >= this.#end
  }

  read(): number {
    let n = 0
    let scale = 1
    for (let i = 0; i < varintBytesMax && this.at < this.#end; i++) {
      const byte = this.#bytes[this.at++] ?? 0
      n += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (n > Number.MAX_SAFE_INTEGER) break
        return n
      }
      scale *= 128
    }
    this.failed = true
    return 0
  }
}
