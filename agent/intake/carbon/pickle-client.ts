/**
 * Graphite's pickle protocol: frames of a 4-byte big-endian length and a pickled list of `(path, (timestamp, value), …)`,
 * timestamp first. A bad point or item costs itself only; a frame that is no data costs the connection.
 */
import { isLanistaError } from '#protocol/errors.ts'
import { parseDecimal } from './decimal.ts'
import type { LineCursor, LineParser } from './line-parser.ts'
import { decodePickle, type PickleValue } from './pickle-decoder.ts'
import type { StreamClient, Verdict } from './tcp-intake.ts'

/** Longest frame, bytes, as in carbon (PICKLE_RECEIVER_MAX_LENGTH). */
export const frameBytesMax: number = 1024 * 1024

/** Points of one frame: shared lists could otherwise stand for far more than the frame's bytes. */
export const framePointsMax = 100_000

const headerBytes = 4
const nothing = Buffer.alloc(0)

export class PickleClient implements StreamClient {
  readonly #parser: LineParser
  readonly #cursor: LineCursor
  #pending: Buffer = nothing
  #pendingBytes = 0

  /** @param client its address */
  constructor(parser: LineParser, client: string) {
    this.#parser = parser
    this.#cursor = { entry: 0, client }
  }

  feed(chunk: Buffer): Verdict {
    this.#keep(chunk)
    let at = 0
    while (this.#pendingBytes - at >= headerBytes) {
      const length = this.#pending.readUInt32BE(at)
      if (length > frameBytesMax) return this.#refuse('pickle_frame')
      const end = at + headerBytes + length
      if (end > this.#pendingBytes) break
      const verdict = this.#frame(this.#pending.subarray(at + headerBytes, end))
      if (verdict !== undefined) return verdict
      at = end
    }
    this.#drop(at)
    return undefined
  }

  end(): void {
    if (this.#pendingBytes > 0) this.#parser.reject('partial', this.#pending, 0, 0)
    this.#drop(this.#pendingBytes)
  }

  /** Frames wait in a buffer that grows with the bytes received, never with the length announced. */
  #keep(chunk: Buffer): void {
    const needed = this.#pendingBytes + chunk.length
    if (needed > this.#pending.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(2 * needed, frameBytesMax)))
      this.#pending.copy(grown, 0, 0, this.#pendingBytes)
      this.#pending = grown
    }
    chunk.copy(this.#pending, this.#pendingBytes)
    this.#pendingBytes = needed
  }

  #drop(bytes: number): void {
    if (bytes === 0) return
    this.#pending.copy(this.#pending, 0, bytes, this.#pendingBytes)
    this.#pendingBytes -= bytes
    if (this.#pendingBytes === 0) this.#pending = nothing
  }

  #refuse(reason: 'pickle_frame' | 'pickle_opcode'): Verdict {
    this.#parser.reject(reason, this.#pending, 0, 0)
    this.#drop(this.#pendingBytes)
    return { close: reason }
  }

  #frame(frame: Buffer): Verdict {
    let items: PickleValue
    try {
      items = decodePickle(frame)
    } catch (error) {
      if (isLanistaError(error, 'PICKLE_OPCODE')) return this.#refuse('pickle_opcode')
      if (isLanistaError(error, 'PICKLE_INVALID')) return this.#refuse('pickle_frame')
      throw error
    }
    if (!Array.isArray(items)) return this.#refuse('pickle_frame')
    let room = framePointsMax
    for (const item of items) {
      room -= this.#item(item, room)
      if (room <= 0) return this.#refuse('pickle_frame')
    }
    return undefined
  }

  /** Takes one `(path, (timestamp, value), …)`; returns how much of `room` it used, at least 1. */
  #item(item: PickleValue, room: number): number {
    const [path, ...points] = Array.isArray(item) ? item.slice(0, room + 2) : []
    if (!Buffer.isBuffer(path) || points.length === 0) {
      this.#parser.reject('malformed', nothing, 0, 0)
      return 1
    }
    for (const point of points.slice(0, room)) this.#point(path, point)
    return points.length
  }

  #point(path: Buffer, point: PickleValue): void {
    const [timestamp, value, ...rest] = Array.isArray(point) ? point.slice(0, 3) : []
    if (timestamp === undefined || value === undefined || rest.length > 0) {
      this.#parser.reject('malformed', path, 0, path.length)
      return
    }
    const number = numberOf(value)
    if (number === undefined) this.#parser.reject('value', path, 0, path.length)
    else this.#parser.point(path, numberOf(timestamp) ?? Number.NaN, number, this.#cursor)
  }
}

/** statsd sends its values as text. Text that is no number gives undefined, but for the words for NaN and infinity. */
function numberOf(value: PickleValue): number | undefined {
  if (typeof value === 'number') return value
  if (!Buffer.isBuffer(value)) return undefined
  const number = parseDecimal(value, 0, value.length)
  if (!Number.isNaN(number)) return number
  const word = value.length > 9 ? '' : value.toString('latin1').toLowerCase()
  if (/^[+-]?nan$/.test(word)) return Number.NaN
  return /^[+-]?inf(?:inity)?$/.test(word) ? Infinity : undefined
}
