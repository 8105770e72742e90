import { inflateRawSync } from 'node:zlib'
import { Unpackr } from 'msgpackr'
import { isLanistaError } from '#protocol/errors.ts'
import { ByteReader, unzigzag } from './bytes.ts'
import {
  type BatchMessage,
  bodyBytesMax,
  type DictionaryEntry,
  type DictionaryMessage,
  dictionaryEntriesMax,
  exponentMax,
  invalidSamples,
  payloadBytesMax,
  powersOfTen,
  type SamplesMessage,
  samplesKind,
  samplesPerBatchMax,
  samplesVersion,
  seriesIdMax,
  seriesTextBytesMax,
  storeIdPattern,
  timestampMode,
  valueToken,
} from './format.ts'
import { msgpackFault } from './msgpack-check.ts'
import { previousSamples } from './previous-sample.ts'

const unpackr = new Unpackr({ useRecords: false })
const controlCharacter = /[\u0000-\u001f\u007f]/

/**
 * A message of `lanista.T.C.H.samples`. Any bytes give a valid message or SAMPLES_INVALID, in memory and time that the limits
 * of format.ts bound. Names are checked for length and control characters only: whoever files them parses them.
 */
export function decodeSamples(body: Uint8Array): SamplesMessage {
  try {
    return decode(body)
  } catch (error) {
    throw isLanistaError(error) ? error : invalidSamples('unreadable bytes', error)
  }
}

function decode(body: Uint8Array): SamplesMessage {
  if (body.length > bodyBytesMax) throw invalidSamples(`${body.length} bytes, expected at most ${bodyBytesMax}`)
  const fields = unpack(body)
  if (!Array.isArray(fields) || fields.length !== 7) throw invalidSamples('no envelope of 7 elements')
  const [version, kind, storeId, from, to, deflated, payload] = fields as unknown[]
  if (version !== samplesVersion) throw invalidSamples(`version ${show(version)}, expected ${samplesVersion}`)
  if (typeof storeId !== 'string' || !storeIdPattern.test(storeId)) throw invalidSamples(`store id ${show(storeId)}`)
  if (!isPosition(from) || !isPosition(to)) throw invalidSamples(`range ${show(from)} to ${show(to)}`)
  if (!(payload instanceof Uint8Array)) throw invalidSamples('no payload')
  const count = to - from + 1
  const bytes = deflated === 1 ? inflateRawSync(payload, { maxOutputLength: payloadBytesMax }) : payload
  if (deflated !== 0 && deflated !== 1) throw invalidSamples(`deflation ${show(deflated)}, expected 0 or 1`)
  if (kind === samplesKind.batch) return decodeBatch(storeId, from, count, bytes)
  if (kind === samplesKind.selection) return decodeSelection(storeId, from, to, bytes)
  if (kind === samplesKind.dictionary) return decodeEntries(storeId, from, count, bytes)
  throw invalidSamples(`kind ${show(kind)}, expected 0 to 2`)
}

function unpack(bytes: Uint8Array): unknown {
  const fault = msgpackFault(bytes, dictionaryEntriesMax * 2 + 1)
  if (fault !== undefined) throw invalidSamples(fault)
  return unpackr.unpack(bytes)
}

function isPosition(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function show(value: unknown): string {
  return String(value).slice(0, 40)
}

function decodeEntries(storeId: string, firstId: number, count: number, bytes: Uint8Array): DictionaryMessage {
  if (count < 1 || count > dictionaryEntriesMax || firstId + count - 1 > seriesIdMax) {
    throw invalidSamples(`${count} entries from id ${firstId}, expected 1 to ${dictionaryEntriesMax}`)
  }
  const texts = unpack(bytes)
  if (!Array.isArray(texts) || texts.length !== count * 2) throw invalidSamples(`other than ${count} entries`)
  const entries: DictionaryEntry[] = []
  for (let i = 0; i < texts.length; i += 2) {
    const name = textOf(texts[i])
    const unit = textOf(texts[i + 1])
    if (name === '') throw invalidSamples(`no name for id ${firstId + i / 2}`)
    entries.push(unit === '' ? { name } : { name, unit })
  }
  return { kind: 'dictionary', storeId, firstId, entries }
}

function textOf(value: unknown): string {
  if (typeof value !== 'string' || Buffer.byteLength(value) > seriesTextBytesMax || controlCharacter.test(value)) {
    throw invalidSamples(
      `series text ${show(value)}, expected at most ${seriesTextBytesMax} bytes, no control character`,
    )
  }
  return value
}

function decodeBatch(storeId: string, from: number, count: number, bytes: Uint8Array): BatchMessage {
  const columns = new ByteReader(bytes)
  const samples = readColumns(columns, from, count)
  return { kind: 'batch', storeId, from, to: from + count - 1, ...samples }
}

function decodeSelection(storeId: string, from: number, to: number, bytes: Uint8Array): BatchMessage {
  const columns = new ByteReader(bytes)
  const positions = readPositions(columns, from, to)
  return { kind: 'batch', storeId, from, to, positions, ...readColumns(columns, from, positions.length) }
}

function readColumns(
  columns: ByteReader,
  from: number,
  count: number,
): Pick<BatchMessage, 'seriesIds' | 'timestampsMs' | 'values'> {
  if (count < 1 || count > samplesPerBatchMax || from < 1) {
    throw invalidSamples(`${count} samples from ${from}, expected 1 to ${samplesPerBatchMax}`)
  }
  const seriesIds = readSeriesIds(columns, count)
  const timestampsMs = readTimestamps(columns, count)
  const values = readValues(columns, seriesIds)
  if (columns.left > 0) throw invalidSamples(`${columns.left} bytes behind the columns`)
  return { seriesIds, timestampsMs, values }
}

function readPositions(columns: ByteReader, from: number, to: number): Float64Array {
  const count = columns.varint()
  if (count > samplesPerBatchMax) throw invalidSamples(`${count} samples, expected at most ${samplesPerBatchMax}`)
  const positions = new Float64Array(count)
  let next = from
  for (let i = 0; i < count; ) {
    next += columns.varint()
    const length = columns.varint()
    if (length < 1 || length > count - i || next + length - 1 > to) throw invalidSamples(`positions beyond ${to}`)
    for (const end = i + length; i < end; i++) positions[i] = next++
  }
  return positions
}

function readSeriesIds(columns: ByteReader, count: number): Uint32Array {
  const ids = new Uint32Array(count)
  let expected = 0
  for (let at = 0; at < count; ) {
    const first = expected + unzigzag(columns.varint())
    const length = readRun(columns, count - at)
    if (first < 0 || first + length - 1 > seriesIdMax) throw invalidSamples(`series id ${first}`)
    for (let i = 0; i < length; i++) ids[at + i] = first + i
    expected = first + length
    at += length
  }
  return ids
}

/** A run's length, between 1 and what the column still lacks. */
function readRun(columns: ByteReader, left: number): number {
  const length = columns.varint()
  if (length < 1 || length > left) throw invalidSamples(`a run of ${length} with ${left} samples left`)
  return length
}

function readTimestamps(columns: ByteReader, count: number): Float64Array {
  const mode = columns.byte()
  switch (mode) {
    case timestampMode.deltaRuns:
      return readDeltaRuns(columns, count)
    case timestampMode.deltaOfDelta:
      return readDeltasOfDeltas(columns, count)
    case timestampMode.doubles:
      return Float64Array.from({ length: count }, () => finite(columns.double()))
    default:
      throw invalidSamples(`timestamp mode ${mode}`)
  }
}

function readDeltaRuns(columns: ByteReader, count: number): Float64Array {
  const times = new Float64Array(count)
  let time = 0
  for (let at = 0; at < count; ) {
    const delta = unzigzag(columns.varint())
    const length = readRun(columns, count - at)
    for (const end = at + length; at < end; at++) times[at] = time += delta
    safe(time)
  }
  return times
}

function readDeltasOfDeltas(columns: ByteReader, count: number): Float64Array {
  const times = new Float64Array(count)
  let time = 0
  let delta = 0
  for (let at = 0; at < count; at++) {
    delta = safe(delta + unzigzag(columns.varint()))
    times[at] = time = safe(time + delta)
  }
  return times
}

function readValues(columns: ByteReader, seriesIds: Uint32Array): Float64Array {
  const count = seriesIds.length
  const values = new Float64Array(count)
  const previous = previousSamples(seriesIds)
  const exponents = new Uint8Array(count)
  const mantissas = new Float64Array(count)
  let repeats = 0
  for (let i = 0; i < count; i++) {
    const before = previous[i] as number
    let exponent = before < 0 ? 0 : (exponents[before] as number)
    let mantissa = before < 0 ? 0 : (mantissas[before] as number)
    const token = repeats > 0 ? valueToken.sameRun : columns.varint()
    if (token === valueToken.sameRun) {
      if (repeats === 0) repeats = readRun(columns, count - i)
      repeats--
      values[i] = before < 0 ? 0 : (values[before] as number)
    } else if (token === valueToken.double) {
      values[i] = finite(columns.double())
    } else {
      if (token === valueToken.decimal) {
        exponent = readExponent(columns)
        mantissa = unzigzag(columns.varint())
      } else {
        mantissa = safe(mantissa + unzigzag(token - valueToken.offset))
      }
      values[i] = mantissa / (powersOfTen[exponent] as number)
    }
    exponents[i] = exponent
    mantissas[i] = mantissa
  }
  return values
}

function readExponent(columns: ByteReader): number {
  const exponent = columns.byte()
  if (exponent > exponentMax) throw invalidSamples(`an exponent of ${exponent}, expected at most ${exponentMax}`)
  return exponent
}

function safe(n: number): number {
  if (!Number.isSafeInteger(n)) throw invalidSamples('an integer beyond 53 bits')
  return n
}

function finite(n: number): number {
  if (!Number.isFinite(n)) throw invalidSamples(`the number ${n}, expected a finite one`)
  return n
}
