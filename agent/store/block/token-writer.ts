/**
 * Writes a stream of tokens (zero runs and numbers, see alphabet.ts): first the code lengths, then each token's code and
 * extra bits, packed from the lowest bit of each byte up.
 */
import { bitLength, extraBits, NUMBER_CLASSES, ONLY_SYMBOL, RUN_CLASSES, SYMBOLS } from './alphabet.ts'
import type { ByteWriter } from './byte-cursor.ts'
import { fold } from './column-plan.ts'
import { HuffmanCodes } from './huffman.ts'

/** Bits that can be put at once: with up to seven left over they fit a 32-bit word. */
const WIDTH_MAX = 24
/** A code of ten bits and this many extra bits are put at once. */
const SHORT_EXTRA_MAX = 14

/** Collects the tokens of one stream, then writes them. Reused; holds up to `tokensMax` tokens. */
export class TokenWriter {
  readonly #symbols: Uint8Array
  readonly #low: Uint32Array
  readonly #high: Uint32Array
  readonly #histogram = new Uint32Array(SYMBOLS)
  readonly #huffman = new HuffmanCodes()
  #count = 0
  #position = 0
  #partial = 0

  constructor(tokensMax: number) {
    this.#symbols = new Uint8Array(tokensMax)
    this.#low = new Uint32Array(tokensMax)
    this.#high = new Uint32Array(tokensMax)
  }

  /** Forgets the tokens of the stream before. */
  clear(): void {
    this.#count = 0
    this.#histogram.fill(0)
  }

  /** Adds residuals of at most 30 bits and a sign, which is folded into the lowest bit; zeros as runs. */
  addNarrow(residuals: Int32Array, start: number, end: number): void {
    const symbols = this.#symbols
    const low = this.#low
    const histogram = this.#histogram
    let count = this.#count
    for (let i = start; i < end; ) {
      let number = fold(residuals[i++] as number)
      let symbol = RUN_CLASSES + 31 - Math.clz32(number)
      if (number === 0) {
        const from = i - 1
        while (i < end && residuals[i] === 0) i++
        number = i - from
        symbol = 31 - Math.clz32(number)
      }
      symbols[count] = symbol
      low[count++] = number
      histogram[symbol] = (histogram[symbol] as number) + 1
    }
    this.#count = count
  }

  /** The same for residuals of magnitude up to 2^52. */
  addWide(residuals: Float64Array, start: number, end: number): void {
    const symbols = this.#symbols
    const low = this.#low
    const histogram = this.#histogram
    let count = this.#count
    for (let i = start; i < end; ) {
      const residual = residuals[i++] as number
      let number: number
      let symbol: number
      if (residual === 0) {
        const from = i - 1
        while (i < end && residuals[i] === 0) i++
        number = i - from
        symbol = 31 - Math.clz32(number)
      } else {
        number = residual < 0 ? -2 * residual - 1 : 2 * residual
        symbol = RUN_CLASSES - 1 + bitLength(number)
        if (number >= 4294967296) this.#high[count] = number / 4294967296
      }
      symbols[count] = symbol
      low[count++] = number
      histogram[symbol] = (histogram[symbol] as number) + 1
    }
    this.#count = count
  }

  /** Adds one non-zero number of up to 64 bits. */
  addNumber(high: number, low: number): void {
    const symbol = RUN_CLASSES - 1 + (high === 0 ? 32 - Math.clz32(low) : 64 - Math.clz32(high))
    this.#high[this.#count] = high
    this.#add(symbol, low)
  }

  /** Adds a run of `length` zeros, at least one. */
  addRun(length: number): void {
    this.#add(31 - Math.clz32(length), length)
  }

  #add(symbol: number, low: number): void {
    this.#symbols[this.#count] = symbol
    this.#low[this.#count++] = low
    this.#histogram[symbol] = (this.#histogram[symbol] as number) + 1
  }

  /** Writes the stream at the writer's position and moves it behind the last byte begun. */
  write(writer: ByteWriter): void {
    const used = this.#huffman.build(this.#histogram)
    this.#position = writer.position * 8
    this.#partial = 0
    this.#writeLengths(writer.view, used)
    this.#writeTokens(writer.view)
    writer.position = (this.#position + 7) >>> 3
  }

  /** Five bits: run classes; seven: classes skipped; seven: number classes; then four bits a class. */
  #writeLengths(view: DataView, used: number): void {
    const histogram = this.#histogram
    let runs = RUN_CLASSES
    while (runs > 0 && histogram[runs - 1] === 0) runs--
    let first = RUN_CLASSES
    while (first < SYMBOLS && histogram[first] === 0) first++
    let end = SYMBOLS
    while (end > first && histogram[end - 1] === 0) end--
    this.#put(view, runs, 5)
    this.#put(view, end === first ? NUMBER_CLASSES : first - RUN_CLASSES, 7)
    this.#put(view, end - first, 7)
    for (let symbol = 0; symbol < end; symbol++) {
      if (symbol >= runs && symbol < first) continue
      const isOnly = used === 1 && histogram[symbol] !== 0
      this.#put(view, isOnly ? ONLY_SYMBOL : (this.#huffman.lengths[symbol] as number), 4)
    }
  }

  #writeTokens(view: DataView): void {
    const symbols = this.#symbols
    const low = this.#low
    const lengths = this.#huffman.lengths
    const codes = this.#huffman.codes
    let position = this.#position
    let partial = this.#partial
    for (let i = 0; i < this.#count; i++) {
      const symbol = symbols[i] as number
      const length = lengths[symbol] as number
      const extra = extraBits[symbol] as number
      const code = length === 0 ? 0 : (codes[symbol] as number)
      if (extra > SHORT_EXTRA_MAX) {
        this.#position = position
        this.#partial = partial
        this.#putLong(view, i, code, length, extra)
        position = this.#position
        partial = this.#partial
        continue
      }
      const bits = code | (((low[i] as number) & ((1 << extra) - 1)) << length)
      const at = position >>> 3
      const word = partial | (bits << (position & 7))
      view.setInt32(at, word, true)
      position += length + extra
      partial = word >>> (((position >>> 3) - at) << 3)
    }
    this.#position = position
    this.#partial = partial
  }

  /** The code, then the extra bits in pieces of sixteen, lowest first. */
  #putLong(view: DataView, i: number, code: number, length: number, extra: number): void {
    this.#put(view, code, length)
    const low = this.#low[i] as number
    this.#put(view, low & 0xffff, Math.min(16, extra))
    if (extra > 16) this.#put(view, low >>> 16, Math.min(16, extra - 16))
    if (extra <= 32) return
    const high = this.#high[i] as number
    this.#put(view, high & 0xffff, Math.min(16, extra - 32))
    if (extra > 48) this.#put(view, high >>> 16, extra - 48)
  }

  /** Puts the lowest `width` bits of `value`, at most WIDTH_MAX. */
  #put(view: DataView, value: number, width: number): void {
    const at = this.#position >>> 3
    const masked = value & ((1 << Math.min(width, WIDTH_MAX)) - 1)
    const word = this.#partial | (masked << (this.#position & 7))
    view.setInt32(at, word, true)
    this.#position += width
    this.#partial = word >>> (((this.#position >>> 3) - at) << 3)
  }
}
