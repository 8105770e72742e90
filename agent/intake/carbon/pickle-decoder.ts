/**
 * Python pickles as data, protocols 0 to 4 and 5's data: the opcodes that build numbers, text, lists and tuples, and no
 * others (opcodes: python/cpython:Lib/pickletools.py). Unpickling in Python runs what the sender says (CVE-2013-5093); here any
 * opcode outside the list ends the frame. Pure, and bounded in values, memo and marks; the frame bounds the rest.
 */
import { LanistaError } from '#protocol/errors.ts'
import { parseDecimal } from './decimal.ts'

/** Text stays bytes: a name is checked where lines are. Lists and tuples are both arrays, which may share and even contain themselves. */
export type PickleValue = number | Buffer | null | PickleValue[]

/** Values pushed, entries in the memo, marks open at once: at most. */
const pickleBounds = { values: 300_000, memo: 300_000, marks: 256 } as const

/** Decodes one pickle. @throws LanistaError PICKLE_OPCODE (not data), PICKLE_INVALID (damaged or beyond a bound) */
export function decodePickle(frame: Buffer): PickleValue {
  return new PickleDecoder(frame).run()
}

class PickleDecoder {
  readonly #frame: Buffer
  readonly #memo = new Map<number, PickleValue>()
  readonly #stack: PickleValue[] = []
  readonly #marks: number[] = []
  #at = 0
  #values = 0

  constructor(frame: Buffer) {
    this.#frame = frame
  }

  run(): PickleValue {
    for (;;) {
      const opcode = this.#byte()
      if (opcode === 0x2e) return this.#pop()
      const isKnown = this.#number(opcode) || this.#text(opcode) || this.#structure(opcode) || this.#bookkeeping(opcode)
      if (!isKnown) throw notData(opcode, this.#at - 1)
    }
  }

  #number(opcode: number): boolean {
    switch (opcode) {
      case 0x4e: // NONE
        return this.#push(null)
      case 0x88: // NEWTRUE
        return this.#push(1)
      case 0x89: // NEWFALSE
        return this.#push(0)
      case 0x49: // INT, decimal line
      case 0x46: // FLOAT, decimal line
        return this.#push(this.#decimalLine(''))
      case 0x4c: // LONG, decimal line with L
        return this.#push(this.#decimalLine('L'))
      case 0x4a: // BININT
        return this.#push(this.#frame.readInt32LE(this.#skip(4)))
      case 0x4b: // BININT1
        return this.#push(this.#byte())
      case 0x4d: // BININT2
        return this.#push(this.#frame.readUInt16LE(this.#skip(2)))
      case 0x8a: // LONG1
        return this.#push(this.#long(this.#byte()))
      case 0x8b: // LONG4
        return this.#push(this.#long(this.#length4()))
      case 0x47: // BINFLOAT
        return this.#push(this.#frame.readDoubleBE(this.#skip(8)))
      default:
        return false
    }
  }

  #text(opcode: number): boolean {
    switch (opcode) {
      case 0x53: // STRING, Python's repr
        return this.#push(unquoted(this.#line()))
      case 0x56: // UNICODE, raw-unicode-escape
        return this.#push(unescapedUnicode(this.#line()))
      case 0x55: // SHORT_BINSTRING
      case 0x43: // SHORT_BINBYTES
      case 0x8c: // SHORT_BINUNICODE
        return this.#push(this.#bytes(this.#byte()))
      case 0x54: // BINSTRING
      case 0x42: // BINBYTES
      case 0x58: // BINUNICODE
        return this.#push(this.#bytes(this.#length4()))
      case 0x8d: // BINUNICODE8
      case 0x8e: // BINBYTES8
        return this.#push(this.#bytes(this.#length8()))
      default:
        return false
    }
  }

  #structure(opcode: number): boolean {
    switch (opcode) {
      case 0x5d: // EMPTY_LIST
      case 0x29: // EMPTY_TUPLE
        return this.#push([])
      case 0x6c: // LIST
      case 0x74: // TUPLE
        return this.#push(this.#popMark())
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        return this.#push(this.#popMany(opcode - 0x84))
      case 0x61: // APPEND
        return this.#extend(this.#popMany(1))
      case 0x65: // APPENDS
        return this.#extend(this.#popMark())
      case 0x28: // MARK
        if (this.#marks.length >= pickleBounds.marks) throw invalid('too many marks', this.#at)
        this.#marks.push(this.#stack.length)
        return true
      case 0x30: // POP
        this.#pop()
        return true
      case 0x31: // POP_MARK
        this.#popMark()
        return true
      default:
        return false
    }
  }

  #bookkeeping(opcode: number): boolean {
    switch (opcode) {
      case 0x80: // PROTO
        this.#byte()
        return true
      case 0x95: // FRAME
        this.#skip(8)
        return true
      case 0x94: // MEMOIZE
        return this.#put(this.#memo.size)
      case 0x70: // PUT
        return this.#put(this.#decimalLine(''))
      case 0x71: // BINPUT
        return this.#put(this.#byte())
      case 0x72: // LONG_BINPUT
        return this.#put(this.#length4())
      case 0x67: // GET
        return this.#get(this.#decimalLine(''))
      case 0x68: // BINGET
        return this.#get(this.#byte())
      case 0x6a: // LONG_BINGET
        return this.#get(this.#length4())
      default:
        return false
    }
  }

  #push(value: PickleValue): boolean {
    if (++this.#values > pickleBounds.values) throw invalid('too many values', this.#at)
    this.#stack.push(value)
    return true
  }

  #pop(): PickleValue {
    const [value] = this.#popMany(1)
    return value as PickleValue
  }

  #popMany(count: number): PickleValue[] {
    if (this.#stack.length - (this.#marks.at(-1) ?? 0) < count) throw invalid('stack underflow', this.#at)
    return this.#stack.splice(-count, count)
  }

  #popMark(): PickleValue[] {
    const mark = this.#marks.pop()
    if (mark === undefined) throw invalid('no mark', this.#at)
    return this.#stack.splice(mark)
  }

  #extend(values: PickleValue[]): boolean {
    const list = this.#stack.at(-1)
    if (!Array.isArray(list)) throw invalid('append to no list', this.#at)
    for (const value of values) list.push(value)
    return true
  }

  #put(index: number): boolean {
    const value = this.#stack.at(-1)
    if (value === undefined) throw invalid('stack underflow', this.#at)
    if (this.#memo.size >= pickleBounds.memo) throw invalid('too many memo entries', this.#at)
    this.#memo.set(index, value)
    return true
  }

  #get(index: number): boolean {
    const value = this.#memo.get(index)
    if (value === undefined) throw invalid('no such memo entry', this.#at)
    return this.#push(value)
  }

  /** Moves on over `length` bytes; returns where they start. */
  #skip(length: number): number {
    const start = this.#at
    if (length > this.#frame.length - start) throw invalid('cut short', start)
    this.#at += length
    return start
  }

  #byte(): number {
    return this.#frame[this.#skip(1)] as number
  }

  #length4(): number {
    return this.#frame.readUInt32LE(this.#skip(4))
  }

  #length8(): number {
    const at = this.#skip(8)
    if (this.#frame.readUInt32LE(at + 4) !== 0) throw invalid('too long', at)
    return this.#frame.readUInt32LE(at)
  }

  #bytes(length: number): Buffer {
    const start = this.#skip(length)
    return this.#frame.subarray(start, start + length)
  }

  /** Up to the next LF, which is passed over. */
  #line(): Buffer {
    const lf = this.#frame.indexOf(0x0a, this.#at)
    if (lf === -1) throw invalid('cut short', this.#at)
    const line = this.#bytes(lf - this.#at)
    this.#at++
    return line
  }

  /** A number in text; Python's words for the non-finite ones included. */
  #decimalLine(suffix: string): number {
    const line = this.#line()
    const end = line.length - (suffix !== '' && line.at(-1) === suffix.charCodeAt(0) ? 1 : 0)
    const number = parseDecimal(line, 0, end)
    if (!Number.isNaN(number)) return number
    const word = end > 4 ? '' : line.toString('latin1', 0, end)
    if (/^[+-]?inf$/.test(word)) return word.startsWith('-') ? -Infinity : Infinity
    if (/^[+-]?nan$/.test(word)) return Number.NaN
    throw invalid('no number', this.#at)
  }

  /** Two's complement, little end first; rounded to a double. */
  #long(length: number): number {
    const bytes = this.#bytes(length)
    if (length === 0) return 0
    if (length > 128) throw invalid('integer too long', this.#at)
    const magnitude = BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`)
    return Number(BigInt.asIntN(8 * length, magnitude))
  }
}

/** What Python's repr of a byte string says. */
function unquoted(line: Buffer): Buffer {
  const text = line.toString('latin1').trimEnd()
  const quote = text[0]
  if (text.length < 2 || (quote !== "'" && quote !== '"') || !text.endsWith(quote)) throw invalid('unquoted text', 0)
  const inner = text.slice(1, -1)
  return Buffer.from(inner.includes('\\') ? inner.replace(byteEscape, unescapeByte) : inner, 'latin1')
}

const byteEscape = /\\(?:x([0-9a-fA-F]{2})|(.))/g

function unescapeByte(whole: string, hex: string | undefined, letter: string | undefined): string {
  if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16))
  const plain = { n: '\n', r: '\r', t: '\t', '\\': '\\', "'": "'", '"': '"' }[letter ?? '']
  return plain ?? whole
}

function unescapedUnicode(line: Buffer): Buffer {
  const text = line
    .toString('latin1')
    .replace(/\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/g, (whole, short?: string, long?: string) => {
      const point = Number.parseInt(short ?? long ?? '', 16)
      return point <= 0x10ffff ? String.fromCodePoint(point) : whole
    })
  return Buffer.from(text, 'utf8')
}

function invalid(found: string, at: number): LanistaError {
  return new LanistaError('PICKLE_INVALID', `send a whole pickle: found ${found} at byte ${at}, expected data`, {
    data: { at },
  })
}

function notData(opcode: number, at: number): LanistaError {
  const hex = opcode.toString(16).padStart(2, '0')
  return new LanistaError(
    'PICKLE_OPCODE',
    `send data only: found opcode 0x${hex} at byte ${at}, expected numbers, text, lists and tuples`,
    { data: { opcode, at } },
  )
}
