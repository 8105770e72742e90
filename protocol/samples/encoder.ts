import { deflateRawSync } from 'node:zlib'
import { Packr } from 'msgpackr'
import { ByteWriter, zigzag, zigzagMax } from './bytes.ts'
import {
  bodyBytesMax,
  type DictionaryEntry,
  dictionaryEntriesMax,
  exponentMax,
  payloadBytesMax,
  powersOfTen,
  type SampleColumns,
  samplesKind,
  samplesPerBatchMax,
  samplesVersion,
  seriesTextBytesMax,
  storeIdPattern,
  timestampMode,
  valueToken,
} from './format.ts'
import { previousSamples } from './previous-sample.ts'

const packr = new Packr({ useRecords: false })

/** Payloads below this many bytes are not worth a try at deflating: the columns are dense already. */
const deflateBytesMin = 1_024

/**
 * One batch as a message body, decodable without any other message. At most 65,536 samples; all numbers finite.
 * Throws RangeError for columns that disagree with `from` and `to`, or hold what the format cannot: a bug of the caller.
 */
export function encodeBatch(storeId: string, batch: SampleColumns): Uint8Array {
  const { positions, seriesIds, timestampsMs, values } = batch
  const count = positions ? positions.length : batch.to - batch.from + 1
  if (!(count >= 1 && count <= samplesPerBatchMax)) throw new RangeError(`a batch of ${count} samples`)
  if (seriesIds.length !== count || timestampsMs.length !== count || values.length !== count) {
    throw new RangeError(`columns of ${seriesIds.length}, ${timestampsMs.length} and ${values.length}, not ${count}`)
  }
  if (!timestampsMs.every(Number.isFinite) || !values.every(Number.isFinite))
    throw new RangeError('a number is not finite')
  const columns = new ByteWriter(count * 3 + 64)
  if (positions) writePositions(columns, batch, positions)
  writeSeriesIds(columns, seriesIds)
  writeTimestamps(columns, timestampsMs)
  writeValues(columns, seriesIds, values)
  const kind = positions ? samplesKind.selection : samplesKind.batch
  return envelope(kind, storeId, batch.from, batch.to, columns.written())
}

/**
 * One chunk of the series dictionary as a message body: entry `i` has the id `firstId + i`. One to 10,000 entries; throws
 * RangeError beyond that. The caller keeps chunks below the broker's limit.
 */
export function encodeDictionary(storeId: string, firstId: number, entries: readonly DictionaryEntry[]): Uint8Array {
  if (entries.length < 1 || entries.length > dictionaryEntriesMax) {
    throw new RangeError(`a dictionary chunk of ${entries.length} entries`)
  }
  const texts: string[] = []
  for (const { name, unit = '' } of entries) {
    if (
      name.length === 0 ||
      Buffer.byteLength(name) > seriesTextBytesMax ||
      Buffer.byteLength(unit) > seriesTextBytesMax
    ) {
      throw new RangeError(`a series text of ${Buffer.byteLength(name)} bytes`)
    }
    texts.push(name, unit)
  }
  return envelope(samplesKind.dictionary, storeId, firstId, firstId + entries.length - 1, packr.pack(texts))
}

function envelope(kind: number, storeId: string, from: number, to: number, payload: Uint8Array): Uint8Array {
  if (!storeIdPattern.test(storeId)) throw new RangeError(`the store id ${JSON.stringify(storeId)}`)
  if (payload.length > payloadBytesMax) throw new RangeError(`a payload of ${payload.length} bytes`)
  const deflated = payload.length >= deflateBytesMin ? deflateRawSync(payload) : payload
  const pays = deflated.length < payload.length
  const body = packr.pack([samplesVersion, kind, storeId, from, to, pays ? 1 : 0, pays ? deflated : payload])
  if (body.length > bodyBytesMax) throw new RangeError(`a body of ${body.length} bytes`)
  return body
}

/** n, then runs of consecutive positions: (those left out before it, length). */
function writePositions(out: ByteWriter, { from, to }: SampleColumns, positions: Float64Array): void {
  out.varint(positions.length)
  let next = from
  for (let start = 0; start < positions.length; ) {
    const first = positions[start] as number
    let end = start + 1
    while (end < positions.length && positions[end] === first + end - start) end++
    if (!(Number.isInteger(first) && first >= next && first + end - start - 1 <= to)) {
      throw new RangeError(`position ${first} out of order`)
    }
    out.varint(first - next)
    out.varint(end - start)
    next = first + end - start
    start = end
  }
}

/** Runs of ascending ids: (zigzag(first id − one past the end of the last run), length). */
function writeSeriesIds(out: ByteWriter, ids: Uint32Array): void {
  let expected = 0
  for (let start = 0; start < ids.length; ) {
    const first = ids[start] as number
    let end = start + 1
    while (end < ids.length && ids[end] === first + end - start) end++
    out.varint(zigzag(first - expected))
    out.varint(end - start)
    expected = first + end - start
    start = end
  }
}

function writeTimestamps(out: ByteWriter, times: Float64Array): void {
  if (!times.every(isExactInteger)) {
    out.byte(timestampMode.doubles)
    for (const time of times) out.double(time)
    return
  }
  const runs = deltaRuns(times)
  const second = runs.length > times.length ? deltasOfDeltas(times) : runs
  out.append((second.length < runs.length ? second : runs).written())
}

function isExactInteger(n: number): boolean {
  return Number.isInteger(n) && Math.abs(n) <= zigzagMax / 4 && !Object.is(n, -0)
}

/** (zigzag(delta), length) for each run of equal deltas; the first delta is from 0. */
function deltaRuns(times: Float64Array): ByteWriter {
  const out = new ByteWriter(64)
  out.byte(timestampMode.deltaRuns)
  let last = 0
  for (let start = 0; start < times.length; ) {
    const delta = (times[start] as number) - last
    let end = start + 1
    while (end < times.length && (times[end] as number) - (times[end - 1] as number) === delta) end++
    out.varint(zigzag(delta))
    out.varint(end - start)
    last = times[end - 1] as number
    start = end
  }
  return out
}

/** zigzag(change of the delta) for each; the first delta is from 0, the delta before it is 0. */
function deltasOfDeltas(times: Float64Array): ByteWriter {
  const out = new ByteWriter(times.length * 2)
  out.byte(timestampMode.deltaOfDelta)
  let last = 0
  let lastDelta = 0
  for (const time of times) {
    const delta = time - last
    out.varint(zigzag(delta - lastDelta))
    last = time
    lastDelta = delta
  }
  return out
}

/**
 * Each value against the one before it of the same series in this batch (0 at first): runs of repeats, changes of the decimal
 * mantissa, and the raw double where no decimal of up to 15 places is exactly it.
 */
function writeValues(out: ByteWriter, ids: Uint32Array, values: Float64Array): void {
  const previous = previousSamples(ids)
  const exponents = new Uint8Array(values.length)
  const mantissas = new Float64Array(values.length)
  let repeats = 0
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number
    const before = previous[i] as number
    let exponent = before < 0 ? 0 : (exponents[before] as number)
    let mantissa = before < 0 ? 0 : (mantissas[before] as number)
    if (Object.is(value, before < 0 ? 0 : values[before])) {
      repeats++
    } else {
      if (repeats > 0) writeRepeats(out, repeats)
      repeats = 0
      const near = mantissaAt(value, exponent)
      const change = near - mantissa
      if (change !== 0 && Math.abs(change) <= zigzagMax) {
        out.varint(zigzag(change) + valueToken.offset)
        mantissa = near
      } else {
        const places = Number.isNaN(near) ? smallestExponent(value) : -1
        if (places < 0) {
          out.byte(valueToken.double)
          out.double(value)
        } else {
          exponent = places
          mantissa = mantissaAt(value, places)
          out.byte(valueToken.decimal)
          out.byte(exponent)
          out.varint(zigzag(mantissa))
        }
      }
    }
    exponents[i] = exponent
    mantissas[i] = mantissa
  }
  if (repeats > 0) writeRepeats(out, repeats)
}

function writeRepeats(out: ByteWriter, repeats: number): void {
  out.byte(valueToken.sameRun)
  out.varint(repeats)
}

/** The integer m with m / 10^exponent being exactly `value`; NaN when there is none within reach. */
function mantissaAt(value: number, exponent: number): number {
  const power = powersOfTen[exponent] as number
  const mantissa = Math.round(value * power)
  if (mantissa === 0) return Object.is(value, 0) ? 0 : Number.NaN
  return Math.abs(mantissa) <= zigzagMax && Object.is(mantissa / power, value) ? mantissa : Number.NaN
}

/** The fewest decimal places that write `value` exactly, −1 when 15 are not enough. */
function smallestExponent(value: number): number {
  for (let exponent = 0; exponent <= exponentMax; exponent++) {
    if (!Number.isNaN(mantissaAt(value, exponent))) return exponent
  }
  return -1
}
