/**
 * Reads what TokenWriter wrote. Every look at the bytes is checked against the end of the payload, so that damaged bytes end
 * in BLOCK_CORRUPT; the four checksum bytes behind the payload are the slack that a 32-bit read at its very end needs.
 */
import { extraBits, NUMBER_CLASSES, ONLY_SYMBOL, RUN_CLASSES, SYMBOLS } from './alphabet.ts'
import { corrupt } from './format.ts'
import { assignCodes, CODE_BITS_MAX } from './huffman.ts'

/** Bits of a code and extra bits that one 32-bit read at any bit holds for certain. */
const ONE_READ_BITS = 25
const RUN_FLAG = 0x400

/** Reused room to read one stream after the other. */
export class TokenReader {
  readonly #lengths = new Uint8Array(SYMBOLS)
  readonly #codes = new Uint16Array(SYMBOLS)
  readonly #next = new Uint16Array(CODE_BITS_MAX + 1)
  /** For each look of `#mask` bits: code length, extra bits << 4, RUN_FLAG. */
  readonly #table = new Uint16Array(2 ** CODE_BITS_MAX)
  #mask = 0
  #view: DataView = new DataView(new ArrayBuffer(0))
  #position = 0
  #end = 0
  /** The last number read by `#readLong`. */
  #low = 0
  #high = 0

  /**
   * Begins a stream.
   * @param position of its first byte
   * @param end of the payload; four more bytes must follow in the view
   * @param numberClasses longest number allowed, in bits
   */
  open(view: DataView, position: number, end: number, numberClasses: number): void {
    this.#view = view
    this.#position = position * 8
    this.#end = end * 8
    this.#readLengths(numberClasses)
    this.#fillTable()
  }

  /** Position of the first byte behind the stream. */
  close(): number {
    if (this.#position > this.#end) throw tooShort()
    return (this.#position + 7) >>> 3
  }

  /** Reads signed numbers into `out[from, to)`. */
  readResiduals(out: Float64Array, from: number, to: number): void {
    const view = this.#view
    const table = this.#table
    const mask = this.#mask
    const end = this.#end
    let position = this.#position
    for (let i = from; i < to; ) {
      if (position > end) throw tooShort()
      const word = view.getInt32(position >>> 3, true) >>> (position & 7)
      const entry = table[word & mask] as number
      const length = entry & 15
      const extra = (entry >>> 4) & 63
      if (length + extra <= ONE_READ_BITS) {
        const number = ((word >>> length) & ((1 << extra) - 1)) | (1 << extra)
        position += length + extra
        if (entry < RUN_FLAG) {
          out[i++] = (number >>> 1) ^ -(number & 1)
          continue
        }
        const runEnd = i + number
        if (runEnd > to) throw tooLong()
        while (i < runEnd) out[i++] = 0
        continue
      }
      this.#readLong(position, length, extra)
      position = this.#position
      const number = this.#high * 4294967296 + this.#low
      out[i++] = this.#low & 1 ? -(number + 1) / 2 : number / 2
    }
    this.#position = position
  }

  /** Reads unsigned 64-bit numbers into pairs of words, low word first: number `i` at `2i` and `2i + 1`. */
  readNumbers(out: Uint32Array, from: number, to: number): void {
    for (let i = from; i < to; ) {
      if (this.#position > this.#end) throw tooShort()
      const word = this.#view.getInt32(this.#position >>> 3, true) >>> (this.#position & 7)
      const entry = this.#table[word & this.#mask] as number
      this.#readLong(this.#position, entry & 15, (entry >>> 4) & 63)
      if (entry < RUN_FLAG) {
        out[2 * i] = this.#low
        out[2 * i + 1] = this.#high
        i++
        continue
      }
      const runEnd = i + this.#low
      if (runEnd > to) throw tooLong()
      out.fill(0, 2 * i, 2 * runEnd)
      i = runEnd
    }
  }

  #readLengths(numberClasses: number): void {
    const runs = this.#take(5)
    const skipped = this.#take(7)
    const numbers = this.#take(7)
    const end = RUN_CLASSES + skipped + numbers
    if (runs > RUN_CLASSES || end > SYMBOLS) throw badTable()
    if (numbers > 0 && skipped + numbers > numberClasses) throw badTable()
    this.#lengths.fill(0)
    for (let symbol = 0; symbol < runs; symbol++) this.#lengths[symbol] = this.#take(4)
    for (let symbol = end - numbers; symbol < end; symbol++) this.#lengths[symbol] = this.#take(4)
  }

  /** Refuses a code that is not complete: every look must find a symbol. */
  #fillTable(): void {
    let longest = 0
    let room = 1 << CODE_BITS_MAX
    for (let symbol = 0; symbol < SYMBOLS; symbol++) {
      const length = this.#lengths[symbol] as number
      if (length === 0) continue
      if (length === ONLY_SYMBOL) return this.#fillOnly(symbol)
      if (length > CODE_BITS_MAX) throw badTable()
      longest = Math.max(longest, length)
      room -= 1 << (CODE_BITS_MAX - length)
    }
    if (room !== 0) throw badTable()
    assignCodes(this.#lengths, this.#codes, this.#next)
    this.#mask = (1 << longest) - 1
    for (let symbol = 0; symbol < SYMBOLS; symbol++) {
      const length = this.#lengths[symbol] as number
      if (length === 0) continue
      const entry = tableEntry(symbol, length)
      for (let look = this.#codes[symbol] as number; look <= this.#mask; look += 1 << length) this.#table[look] = entry
    }
  }

  #fillOnly(symbol: number): void {
    for (let other = 0; other < SYMBOLS; other++) {
      if (other !== symbol && this.#lengths[other] !== 0) throw badTable()
    }
    this.#mask = 0
    this.#table[0] = tableEntry(symbol, 0)
  }

  /** Reads a code already looked up and its extra bits, any number of them, into `#high` and `#low`. */
  #readLong(position: number, length: number, extra: number): void {
    const view = this.#view
    const from = position + length
    this.#position = from + extra
    if (this.#position > this.#end) throw tooShort()
    if (extra < 32) {
      this.#low = (bitsAt(view, from, extra) | (1 << extra)) >>> 0
      this.#high = 0
    } else {
      this.#low = bitsAt(view, from, 32)
      this.#high = (bitsAt(view, from + 32, extra - 32) | (1 << (extra - 32))) >>> 0
    }
  }

  /** @param width 0 to 24 */
  #take(width: number): number {
    if (this.#position > this.#end) throw tooShort()
    const word = this.#view.getInt32(this.#position >>> 3, true) >>> (this.#position & 7)
    this.#position += width
    return word & ((1 << width) - 1)
  }
}

/**
 * The unsigned number in `width` bits (0 to 32) from a bit on. They must lie in the payload: the first read ends within the
 * checksum, and the second one only touches a byte that holds some of them.
 */
function bitsAt(view: DataView, position: number, width: number): number {
  if (width === 0) return 0
  const at = position >>> 3
  const offset = position & 7
  let word = view.getInt32(at, true) >>> offset
  if (offset + width > 32) word |= view.getUint8(at + 4) << (32 - offset)
  return ((word << (32 - width)) >>> (32 - width)) >>> 0
}

function tableEntry(symbol: number, length: number): number {
  return length | ((extraBits[symbol] as number) << 4) | (symbol < RUN_CLASSES ? RUN_FLAG : 0)
}

/** Longest folded residual of an integer column, in bits. */
export const RESIDUAL_BITS_MAX = 54
/** Longest XOR of two doubles, in bits. */
export const XOR_BITS_MAX: number = NUMBER_CLASSES

const tooShort = () => corrupt('payload', 'the payload ends before its last sample')
const tooLong = () => corrupt('payload', 'a run goes beyond the last sample')
const badTable = () => corrupt('table', 'the code lengths make no complete code')
