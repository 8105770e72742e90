/**
 * The carbon grammar, in one place: lines in a buffer become samples in a sink, or are counted by reason.
 *
 * Two ways through it. The straight one takes a line as nearly all lines are (known name, one space, plain decimal, one
 * space, integer timestamp, LF) and makes neither a string nor an object. Whatever differs in any byte takes the general
 * one, which knows the whole grammar and is the only place that rejects. A property test holds the two together.
 */
import { isUtf8 } from 'node:buffer'
import type { SampleSink } from '#agent/intake/sink.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { byte } from './byte.ts'
import { exactDigitsMax, parseDecimal, powersOfTen } from './decimal.ts'
import { hashStep, NameTable, type NameTableOptions, nameBytesMax } from './name-table.ts'
import { noRejects, type RejectCounts, type RejectReason } from './reject.ts'
import { seriesText } from './series-text.ts'
import { futureMsMax, instantMs, millisecondsFrom } from './timestamp.ts'

/** Longest line, bytes without its LF. */
export const lineBytesMax = 4096

/** Where a client is in its usual order of names. One for each connection; starts with entry 0. */
export interface LineCursor {
  entry: number
  /** Whose lines these are: passed on with names that are new. */
  client: string | undefined
}

export interface LineParserOptions {
  /** Take the seed's four fields too, application first. */
  readonly fourFields: boolean
  /** Names remembered; the default holds 262,144 names and 16 MiB of them. */
  readonly names?: NameTableOptions | undefined
}

export interface LineParserDeps {
  readonly sink: SampleSink
  readonly clock: Pick<Clock, 'now' | 'monotonic'>
  /** Called for each rejected line with where it stands (LF excluded); copy what you keep. */
  readonly onReject?: ((reason: RejectReason, buffer: Buffer, start: number, end: number) => void) | undefined
}

const namesDefault: NameTableOptions = { entriesMax: 262_144, bytesMax: 16 * 1024 * 1024 }
const refusedNames: NameTableOptions = { entriesMax: 4096, bytesMax: 1024 * 1024 }
const minuteMs = 60_000
const fieldsMax = 4
const plainToken = /^[A-Za-z0-9-][A-Za-z0-9_-]{0,63}$/

export class LineParser {
  readonly #fourFields: boolean
  readonly #sink: SampleSink
  readonly #clock: Pick<Clock, 'now' | 'monotonic'>
  readonly #onReject: LineParserDeps['onReject']
  readonly #names: NameTable
  /** Names the sink has refused, so that a flood of them stays cheap; forgotten every minute. */
  readonly #refused = new NameTable(refusedNames)
  readonly #rejected = noRejects()
  readonly #fields = new Int32Array(2 * (fieldsMax + 1))
  #forgetAt: number
  #overflowsSeen = 0
  #nowMs = 0
  #accepted = 0
  #fourFieldLines = 0

  constructor(options: LineParserOptions, deps: LineParserDeps) {
    this.#fourFields = options.fourFields
    this.#names = new NameTable(options.names ?? namesDefault)
    this.#sink = deps.sink
    this.#clock = deps.clock
    this.#onReject = deps.onReject
    this.#forgetAt = deps.clock.monotonic() + minuteMs
  }

  /** Samples given to the sink. */
  get accepted(): number {
    return this.#accepted
  }

  /** Of these, from lines of four fields. */
  get fourFieldLines(): number {
    return this.#fourFieldLines
  }

  /** Lines rejected, by reason. */
  get rejected(): Readonly<RejectCounts> {
    return this.#rejected
  }

  /** How often a name could not be remembered and so costs the slow way. */
  get nameOverflows(): number {
    return this.#names.overflows
  }

  /** Parses the lines in [start, end); the last byte must be an LF. Each line is accepted or rejected, never both. */
  parse(buffer: Buffer, start: number, end: number, cursor: LineCursor): void {
    this.#tick()
    let at = start
    while (at < end) {
      const next = this.#straight(buffer, at, cursor)
      if (next !== -1) {
        at = next
        continue
      }
      const lf = buffer.indexOf(byte.lf, at)
      const reason = this.#general(buffer, at, lf, cursor)
      if (reason !== undefined) this.reject(reason, buffer, at, lf)
      at = lf + 1
    }
  }

  /** Takes a point that came otherwise than as a line, by the same rules; returns why it was rejected. */
  point(name: Buffer, timestamp: number, value: number, cursor: LineCursor): RejectReason | undefined {
    this.#tick()
    const reason =
      name.includes(byte.space) || name.includes(byte.tab)
        ? 'name'
        : this.#take(name, 0, name.length, 0, timestamp, value, cursor)
    if (reason !== undefined) this.reject(reason, name, 0, name.length)
    return reason
  }

  /** Counts a line that whoever cut the stream into lines has to reject. */
  reject(reason: RejectReason, buffer: Buffer, start: number, end: number): void {
    this.#rejected[reason]++
    this.#onReject?.(reason, buffer, start, end)
  }

  #tick(): void {
    this.#nowMs = this.#clock.now()
    const now = this.#clock.monotonic()
    if (now < this.#forgetAt) return
    this.#forgetAt = now + minuteMs
    this.#refused.clear()
    // Full: names in use are learnt again at once, while those of series that ended would stay for ever.
    if (this.#names.overflows > this.#overflowsSeen) this.#names.clear()
    this.#overflowsSeen = this.#names.overflows
  }

  /**
   * The straight way. Returns where the next line starts, or −1 when the line needs the general way, with nothing done.
   * Every loop ends at an LF at the latest: no digit and no remembered name is one. One long function on purpose: numbers
   * in local variables are what makes it three times as fast as `split`.
   */
  #straight(buffer: Buffer, start: number, cursor: LineCursor): number {
    const names = this.#names
    let entry = names.successors[cursor.entry] as number
    let at = entry === 0 ? -1 : names.matchEnd(entry, buffer, start)
    if (at === -1 || buffer[at] !== byte.space) {
      let hash = names.seed
      at = start
      let next = buffer[at] as number
      while (next > byte.space) {
        hash = hashStep(hash, next)
        next = buffer[++at] as number
      }
      if (next !== byte.space) return -1
      entry = names.find(buffer, start, at, hash)
      if (entry === 0) return -1
    }

    let digit = buffer[++at] as number
    const isNegative = digit === byte.minus
    if (isNegative) digit = buffer[++at] as number
    let value = 0
    let digits = -at
    while (digit >= byte.zero && digit <= byte.nine) {
      value = value * 10 + (digit - byte.zero)
      digit = buffer[++at] as number
    }
    digits += at
    if (digit === byte.dot) {
      const fraction = at + 1
      digit = buffer[++at] as number
      while (digit >= byte.zero && digit <= byte.nine) {
        value = value * 10 + (digit - byte.zero)
        digit = buffer[++at] as number
      }
      digits += at - fraction
      if (digits > exactDigitsMax) return -1
      value /= powersOfTen[at - fraction] as number
    }
    if (digit !== byte.space || digits === 0 || digits > exactDigitsMax) return -1

    digit = buffer[++at] as number
    digits = -at
    let timestamp = 0
    while (digit >= byte.zero && digit <= byte.nine) {
      timestamp = timestamp * 10 + (digit - byte.zero)
      digit = buffer[++at] as number
    }
    digits += at
    if (digit === byte.cr) digit = buffer[++at] as number
    if (digit !== byte.lf || digits === 0 || digits > exactDigitsMax) return -1
    if (timestamp < millisecondsFrom) timestamp *= 1000
    if (timestamp > this.#nowMs + futureMsMax) return -1

    names.successors[cursor.entry] = entry
    cursor.entry = entry
    this.#accepted++
    if (names.fields(entry) === 4) this.#fourFieldLines++
    this.#sink.append(names.id(entry), timestamp, isNegative ? -value : value)
    return at + 1
  }

  /** The whole grammar, for the line in [start, lf). Gives the sample to the sink, or returns why not. */
  #general(buffer: Buffer, start: number, lf: number, cursor: LineCursor): RejectReason | undefined {
    if (lf - start > lineBytesMax) return 'long'
    const fields = this.#fields
    const count = splitFields(buffer, start, lf, fields)
    if (count === 0) return 'empty'
    const hasApplication = count === 4 && this.#fourFields && isPlainToken(buffer, fields)
    if (count !== 3 && !hasApplication) return 'malformed'
    const nameField = count - 3
    const valueStart = fields[2 * nameField + 2] as number
    const valueEnd = fields[2 * nameField + 3] as number
    const value = parseDecimal(buffer, valueStart, valueEnd)
    if (Number.isNaN(value)) return wordReason(buffer, valueStart, valueEnd)
    const timestamp = parseDecimal(buffer, fields[2 * nameField + 4] as number, fields[2 * nameField + 5] as number)
    const nameStart = hasApplication ? (fields[2] as number) : 0
    return this.#take(
      buffer,
      fields[0] as number,
      fields[2 * nameField + 1] as number,
      nameStart,
      timestamp,
      value,
      cursor,
    )
  }

  /**
   * A sample whose name field is [start, end).
   * @param nameStart where the metric's name starts when [start, end) holds the application as well; else 0
   */
  #take(
    buffer: Buffer,
    start: number,
    end: number,
    nameStart: number,
    timestamp: number,
    value: number,
    cursor: LineCursor,
  ): RejectReason | undefined {
    if (Number.isNaN(value)) return 'nan'
    if (!Number.isFinite(value)) return 'infinite'
    const timestampMs = instantMs(timestamp, this.#nowMs)
    if (Number.isNaN(timestampMs)) return 'timestamp'
    if (timestampMs > this.#nowMs + futureMsMax) return 'future'
    const id = this.#series(buffer, start, end, nameStart, cursor)
    if (typeof id !== 'number') return id
    this.#accepted++
    if (nameStart > 0) this.#fourFieldLines++
    this.#sink.append(id, timestampMs, value)
    return undefined
  }

  #series(buffer: Buffer, start: number, end: number, nameStart: number, cursor: LineCursor): number | RejectReason {
    const names = this.#names
    const isShort = end - start <= nameBytesMax
    const hash = isShort ? names.hash(buffer, start, end) : 0
    const known = isShort ? names.find(buffer, start, end, hash) : 0
    if (known !== 0) {
      this.#follow(cursor, known)
      return names.id(known)
    }
    const refused = this.#refused
    const refusedHash = isShort ? refused.hash(buffer, start, end) : 0
    if (isShort && refused.find(buffer, start, end, refusedHash) !== 0) return 'cardinality'
    if (!isUtf8(buffer.subarray(start, end))) return 'utf8'
    const text =
      nameStart > 0
        ? seriesText(buffer.toString('utf8', nameStart, end), applicationOf(buffer, start))
        : seriesText(buffer.toString('utf8', start, end))
    if ('fault' in text) return text.fault
    const id = this.#sink.seriesId(text.canonical, undefined, cursor.client)
    if (id === -1) {
      refused.add(buffer, start, end, refusedHash, -1, 3)
      return 'cardinality'
    }
    this.#follow(cursor, names.add(buffer, start, end, hash, id, nameStart > 0 ? 4 : 3))
    return id
  }

  /** Notes that `entry` came after the cursor's last one. */
  #follow(cursor: LineCursor, entry: number): void {
    if (entry === 0) return
    this.#names.successors[cursor.entry] = entry
    cursor.entry = entry
  }
}

/**
 * Cuts [start, end) at runs of space and tab, without those and CRs at its end. Writes start and end of at most
 * `fieldsMax + 1` fields.
 * @returns how many
 */
function splitFields(buffer: Buffer, start: number, end: number, fields: Int32Array): number {
  let last = end
  while (last > start && (isBlank(buffer[last - 1] as number) || buffer[last - 1] === byte.cr)) last--
  let count = 0
  let at = start
  while (at < last && count <= fieldsMax) {
    while (isBlank(buffer[at] as number)) at++
    fields[2 * count] = at
    while (at < last && !isBlank(buffer[at] as number)) at++
    fields[2 * count + 1] = at
    count++
  }
  return count
}

function isBlank(value: number): boolean {
  return value === byte.space || value === byte.tab
}

function isPlainToken(buffer: Buffer, fields: Int32Array): boolean {
  const [start = 0, end = 0] = fields
  return end - start <= 64 && plainToken.test(buffer.toString('latin1', start, end))
}

/** The first field, which is a plain token. */
function applicationOf(buffer: Buffer, start: number): string {
  let end = start
  while (!isBlank(buffer[end] as number)) end++
  return buffer.toString('latin1', start, end)
}

/** Which kind of no number a value is. */
function wordReason(buffer: Buffer, start: number, end: number): RejectReason {
  const word = end - start > 9 ? '' : buffer.toString('latin1', start, end)
  if (/^[+-]?nan$/i.test(word)) return 'nan'
  return /^[+-]?inf(inity)?$/i.test(word) ? 'infinite' : 'value'
}
