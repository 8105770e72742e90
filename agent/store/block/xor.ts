/**
 * Real doubles: each XORed with the one before, shifted right by the zero bits that all of them end in, and written as tokens,
 * so that repeats are runs and leading zeros are Huffman-coded. After Gorilla (Pelkonen et al., VLDB 2015).
 *
 * Doubles are read as pairs of 32-bit words, low word first: little-endian machines only, which Node's platforms are.
 */
import type { ByteReader, ByteWriter } from './byte-cursor.ts'
import { corrupt } from './format.ts'
import { type TokenReader, XOR_BITS_MAX } from './token-reader.ts'
import type { TokenWriter } from './token-writer.ts'

/** Writes `values[start + 1, start + count)`; the caller keeps the first. @param count at least 2, not all alike */
export function encodeXor(
  values: Float64Array,
  start: number,
  count: number,
  tokens: TokenWriter,
  writer: ByteWriter,
): void {
  const words = wordsOf(values).subarray(2 * start, 2 * (start + count))
  const shift = sharedTrailingZeros(words)
  writer.byte(shift)
  tokens.clear()
  let run = 0
  for (let i = 2; i < words.length; i += 2) {
    const low = ((words[i] as number) ^ (words[i - 2] as number)) >>> 0
    const high = ((words[i + 1] as number) ^ (words[i - 1] as number)) >>> 0
    if (low === 0 && high === 0) {
      run++
      continue
    }
    if (run > 0) tokens.addRun(run)
    run = 0
    if (shift === 0) tokens.addNumber(high, low)
    else if (shift < 32) tokens.addNumber(high >>> shift, ((low >>> shift) | (high << (32 - shift))) >>> 0)
    else tokens.addNumber(0, high >>> (shift - 32))
  }
  if (run > 0) tokens.addRun(run)
  tokens.write(writer)
}

/** Reads what encodeXor wrote: `out[0]` becomes `first`. Throws BLOCK_CORRUPT, also for values that are not finite. */
export function decodeXor(
  reader: ByteReader,
  tokens: TokenReader,
  first: number,
  out: Float64Array,
  count: number,
): void {
  const shift = reader.byte()
  if (shift > 63) throw corrupt('payload', `found a shift of ${shift} bits, expected at most 63`)
  const words = wordsOf(out)
  tokens.open(reader.view, reader.position, reader.end, XOR_BITS_MAX - shift)
  tokens.readNumbers(words, 1, count)
  reader.position = tokens.close()
  out[0] = first
  let low = words[0] as number
  let high = words[1] as number
  for (let i = 2; i < 2 * count; i += 2) {
    const numberLow = words[i] as number
    const numberHigh = words[i + 1] as number
    if (shift < 32) {
      low ^= numberLow << shift
      high ^= shift === 0 ? numberHigh : (numberHigh << shift) | (numberLow >>> (32 - shift))
    } else high ^= numberLow << (shift - 32)
    words[i] = low
    words[i + 1] = high
    if ((high & 0x7ff00000) === 0x7ff00000) throw corrupt('values', 'found a value that is not finite')
  }
}

function wordsOf(values: Float64Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length * 2)
}

/** Zero bits at the end of every XOR of neighbours, 0 to 63. */
function sharedTrailingZeros(words: Uint32Array): number {
  let low = 0
  let high = 0
  for (let i = 2; i < words.length; i += 2) {
    low |= (words[i] as number) ^ (words[i - 2] as number)
    high |= (words[i + 1] as number) ^ (words[i - 1] as number)
  }
  return low === 0 ? 32 + trailingZeros(high) : trailingZeros(low)
}

function trailingZeros(word: number): number {
  return 31 - Math.clz32(word & -word)
}
