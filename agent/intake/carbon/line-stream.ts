/**
 * Cuts one client's byte stream into lines for the parser. Whole lines are parsed where they lie; only a line that two
 * chunks share is copied, into a buffer that exists once it is needed and holds one line at most.
 */
import { byte } from './byte.ts'
import { type LineCursor, type LineParser, lineBytesMax } from './line-parser.ts'

/** Longest stretch without an LF before the client is given up, bytes. */
export const unbrokenBytesMax: number = 1024 * 1024

/** Over-long lines in one connection before the client is given up. */
export const longLinesMax = 100

const nothing = Buffer.alloc(0)

export class LineStream {
  readonly #parser: LineParser
  readonly #cursor: LineCursor
  #carry: Buffer = nothing
  #carried = 0
  #isSkipping = false
  #unbroken = 0
  #longLines = 0

  /** @param client whose lines these are */
  constructor(parser: LineParser, client?: string) {
    this.#parser = parser
    this.#cursor = { entry: 0, client }
  }

  /** What follows is another client's. */
  set client(client: string) {
    this.#cursor.client = client
  }

  /** The beginning of the line that is not complete yet; valid until the next call. */
  get pending(): Buffer {
    return this.#carry.subarray(0, this.#carried)
  }

  /** True when this client sends what no line is, past a bound: it should be disconnected. */
  get isHopeless(): boolean {
    return this.#unbroken > unbrokenBytesMax || this.#longLines > longLinesMax
  }

  /** Parses every line that `chunk` completes. Keeps no reference to it. */
  feed(chunk: Buffer): void {
    const longBefore = this.#parser.rejected.long
    const start = this.#isSkipping || this.#carried > 0 ? this.#finishLine(chunk) : 0
    if (start !== -1) {
      const end = chunk.lastIndexOf(byte.lf) + 1
      if (end > start) this.#parser.parse(chunk, start, end, this.#cursor)
      this.#begin(chunk, Math.max(start, end))
    }
    this.#longLines += this.#parser.rejected.long - longBefore
  }

  /** Forgets the line that is not complete yet. */
  discard(): void {
    this.#carried = 0
  }

  /**
   * The stream has ended; another may follow.
   * @param lastLine whether what stands after the last LF is a line; if not it is rejected as `partial`
   */
  end(lastLine: 'line' | 'partial'): void {
    const carried = this.#carried
    this.#carried = 0
    this.#isSkipping = false
    this.#unbroken = 0
    if (carried === 0) return
    if (lastLine === 'partial') this.#parser.reject('partial', this.#carry, 0, carried)
    else this.#parseCarry(carried)
  }

  /** Finishes the line begun in earlier chunks. Returns where the next one starts, −1 when the chunk has no LF. */
  #finishLine(chunk: Buffer): number {
    const lf = chunk.indexOf(byte.lf)
    if (lf === -1) {
      this.#begin(chunk, 0)
      return -1
    }
    if (!this.#isSkipping && this.#keep(chunk, 0, lf)) {
      const carried = this.#carried
      this.#carried = 0
      this.#parseCarry(carried)
    }
    this.#isSkipping = false
    this.#unbroken = 0
    return lf + 1
  }

  /** Keeps what stands at the chunk's end, from `start`, as the beginning of a line. */
  #begin(chunk: Buffer, start: number): void {
    if (start > 0) this.#unbroken = 0
    this.#unbroken += chunk.length - start
    if (!this.#isSkipping && !this.#keep(chunk, start, chunk.length)) this.#isSkipping = true
  }

  /** Appends to the carried line; false when that makes it too long, which is counted once. */
  #keep(chunk: Buffer, start: number, end: number): boolean {
    const needed = this.#carried + end - start
    if (needed > lineBytesMax) {
      this.#parser.reject('long', chunk, start, end)
      this.#carried = 0
      return false
    }
    if (needed >= this.#carry.length && needed > 0) {
      const carry = Buffer.allocUnsafeSlow(Math.min(lineBytesMax + 1, Math.max(256, 2 * needed)))
      this.#carry.copy(carry, 0, 0, this.#carried)
      this.#carry = carry
    }
    chunk.copy(this.#carry, this.#carried, start, end)
    this.#carried = needed
    return true
  }

  #parseCarry(carried: number): void {
    this.#carry[carried] = byte.lf
    this.#parser.parse(this.#carry, 0, carried + 1, this.#cursor)
  }
}
