/**
 * Snappy's block format (google/snappy:format_description.txt): the length as a varint, then literals and copies of what came before. The
 * search is greedy with a table of the last place of each hash of four bytes: label names and hosts repeat in each series
 * of a remote write, so it takes little to find most of it.
 */

const tableBits = 14
/** Copies of one or two offset bytes reach this far back. */
const offsetMax = 65_535
const copyMax = 64
const matchMin = 4

/** The bytes compressed. */
export function snappyCompress(input: Uint8Array): Uint8Array {
  const output = new Output(input.length)
  output.varint(input.length)
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength)
  const table = new Int32Array(1 << tableBits).fill(-1)
  let literalFrom = 0
  let at = 0
  while (at + matchMin <= input.length) {
    const word = view.getUint32(at, true)
    const hash = Math.imul(word, 0x1e35a7bd) >>> (32 - tableBits)
    const before = table[hash] as number
    table[hash] = at
    if (before < 0 || at - before > offsetMax || view.getUint32(before, true) !== word) {
      at++
      continue
    }
    output.literal(input.subarray(literalFrom, at))
    const length = matchLength(input, before, at)
    output.copy(at - before, length)
    at += length
    literalFrom = at
  }
  output.literal(input.subarray(literalFrom))
  return output.bytes()
}

/** How long what stands at `at` is the same as what stands at `before`. */
function matchLength(input: Uint8Array, before: number, at: number): number {
  let length = matchMin
  while (at + length < input.length && input[before + length] === input[at + length]) length++
  return length
}

class Output {
  readonly #buffer: Buffer
  #length = 0

  /** Room for the worst case: no match anywhere, and a literal's header a 64 KiB. */
  constructor(inputLength: number) {
    this.#buffer = Buffer.allocUnsafe(32 + inputLength + Math.ceil(inputLength / 6))
  }

  varint(value: number): void {
    let rest = value
    while (rest >= 0x80) {
      this.#byte((rest & 0x7f) | 0x80)
      rest >>>= 7
    }
    this.#byte(rest)
  }

  /** Tag 00: the length less one in the tag, or in the one, two, three or four bytes behind it. */
  literal(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    const rest = bytes.length - 1
    if (rest < 60) this.#byte(rest << 2)
    else {
      const size = rest < 0x100 ? 1 : rest < 0x1_0000 ? 2 : rest < 0x100_0000 ? 3 : 4
      this.#byte((59 + size) << 2)
      this.#length = this.#buffer.writeUIntLE(rest, this.#length, size)
    }
    this.#buffer.set(bytes, this.#length)
    this.#length += bytes.length
  }

  /** Tag 10: up to 64 bytes from up to 65,535 back. */
  copy(offset: number, length: number): void {
    for (let rest = length; rest > 0; rest -= copyMax) {
      this.#byte(((Math.min(rest, copyMax) - 1) << 2) | 2)
      this.#length = this.#buffer.writeUInt16LE(offset, this.#length)
    }
  }

  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length)
  }

  #byte(value: number): void {
    this.#buffer[this.#length++] = value
  }
}
