import { Unpackr } from 'msgpackr'
import { isLanistaError } from '#protocol/errors.ts'
import type { ArrivalRange } from '#protocol/samples/arrival.ts'
import { samplesPerBatchMax, storeIdPattern } from '#protocol/samples/format.ts'
import { msgpackFault } from '#protocol/samples/msgpack-check.ts'
import { isToken } from '#protocol/subjects/token.ts'
import { crc32c } from '../store/block/crc32c.ts'
import type { LaneHolding } from './lane.ts'
import {
  type FieldKind,
  gossipRowsMax,
  headerBytes,
  invalidMessage,
  lanesMax,
  messageBytesMax,
  messageFields,
  rangesMax,
  ringVersion,
  verbs,
} from './message-format.ts'
import { type GossipRow, type RingMessage, refusals } from './ring-message.ts'

const unpackr = new Unpackr({ useRecords: false, int64AsType: 'number' })
const valuesMax = 6 * gossipRowsMax + 4 * lanesMax + 2 * rangesMax + 100
const zoneLengthMax = 64

/**
 * The message in a body. Any bytes give a valid message or RING_MESSAGE_INVALID, whose `data.reason` is the refusal to count,
 * in memory and time that the limits of message-format.ts bound.
 */
export function decodeMessage(body: Uint8Array): RingMessage {
  if (body.length > messageBytesMax) {
    throw invalidMessage('size', `${body.length} bytes, expected at most ${messageBytesMax}`)
  }
  if (body.length <= headerBytes) throw invalidMessage('shape', `${body.length} bytes, expected a header and a body`)
  if (body[0] !== ringVersion) throw invalidMessage('version', `version ${body[0]}, expected ${ringVersion}`)
  const checksum = new DataView(body.buffer, body.byteOffset, body.byteLength).getUint32(2, true)
  if (crc32c(body, headerBytes, body.length, crc32c(body, 0, 2)) !== checksum) {
    throw invalidMessage('checksum', 'a wrong checksum')
  }
  const verb = verbs[body[1] as number]
  if (verb === undefined) throw invalidMessage('shape', `verb ${body[1]}, expected 0 to ${verbs.length - 1}`)
  try {
    return decodeFields(verb, body.subarray(headerBytes))
  } catch (error) {
    throw isLanistaError(error) ? error : invalidMessage('shape', `an unreadable ${verb}`, error)
  }
}

function decodeFields(verb: RingMessage['verb'], bytes: Uint8Array): RingMessage {
  const fault = msgpackFault(bytes, valuesMax)
  if (fault !== undefined) throw invalidMessage('shape', `a ${verb} with ${fault}`)
  const values: unknown = unpackr.unpack(bytes)
  const fields: readonly (readonly [string, FieldKind])[] = messageFields[verb]
  if (!Array.isArray(values) || values.length !== fields.length) {
    throw invalidMessage('shape', `a ${verb} without its ${fields.length} fields`)
  }
  const message: Record<string, unknown> = { verb }
  for (const [i, [name, kind]] of fields.entries()) {
    const value: unknown = kind === 'since' ? (message['start'] as number) + (values[i] as number) : values[i]
    message[name] = decodeField(kind, value, `${verb}.${name}`)
  }
  return checkSpan(message as unknown as RingMessage)
}

/** Rows that claim more positions than a batch can have would pass for what was never sent. */
function checkSpan(message: RingMessage): RingMessage {
  if (message.verb === 'append' || message.verb === 'rows') {
    const span = message.to - message.from + 1
    const isRun = message.from >= 1 && span >= (message.verb === 'rows' ? 0 : 1) && span <= samplesPerBatchMax
    check(isRun, span, `${message.verb}.to`, `1 to ${samplesPerBatchMax} positions`)
  }
  return message
}

function decodeField(kind: FieldKind, value: unknown, name: string): unknown {
  switch (kind) {
    case 'count':
    case 'start':
    case 'since':
      return check(Number.isSafeInteger(value) && (value as number) >= 0, value, name, 'a count')
    case 'age':
      return check(Number.isSafeInteger(value) && (value as number) >= -1, value, name, 'an age, or -1')
    case 'flag':
      return check(typeof value === 'boolean', value, name, 'true or false')
    case 'token':
      return check(typeof value === 'string' && isToken(value), value, name, 'a host')
    case 'zone':
      return check(typeof value === 'string' && value.length <= zoneLengthMax, value, name, 'a zone')
    case 'storeId':
      return check(typeof value === 'string' && storeIdPattern.test(value), value, name, 'a store id')
    case 'bytes':
      return check(value instanceof Uint8Array, value, name, 'bytes')
    case 'refusal':
      return check(refusals[value as number] !== undefined, refusals[value as number], name, 'a refusal')
    case 'ranges':
      return decodeRanges(value, name)
    case 'lanes':
      return listOf(value, lanesMax, name).map((lane) => decodeLane(lane, name))
    case 'gossip':
      return listOf(value, gossipRowsMax, name).map((row) => decodeRow(row, name))
  }
}

function decodeLane(value: unknown, name: string): LaneHolding {
  const [storeId, start, floor, ranges] = listOf(value, 4, name)
  return {
    storeId: decodeField('storeId', storeId, name) as string,
    start: decodeField('start', start, name) as number,
    floor: decodeField('count', floor, name) as number,
    ranges: decodeRanges(ranges, name),
  }
}

function decodeRow(value: unknown, name: string): GossipRow {
  const [host, session, zone, heardAgoMs, silentAgoMs, hasLeft] = listOf(value, 6, name)
  return {
    host: decodeField('token', host, name) as string,
    session: decodeField('start', session, name) as number,
    zone: decodeField('zone', zone, name) as string,
    heardAgoMs: decodeField('age', heardAgoMs, name) as number,
    silentAgoMs: decodeField('age', silentAgoMs, name) as number,
    hasLeft: decodeField('flag', hasLeft, name) as boolean,
  }
}

function decodeRanges(value: unknown, name: string): ArrivalRange[] {
  const flat = listOf(value, 2 * rangesMax, name)
  const ranges: ArrivalRange[] = []
  let next = 0
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const from = next + (decodeField('count', flat[i], name) as number)
    const to = from + (decodeField('count', flat[i + 1], name) as number) - 1
    check(to >= from && Number.isSafeInteger(to), to, name, 'ranges that rise')
    ranges.push({ from, to })
    next = to + 1
  }
  return ranges
}

function listOf(value: unknown, lengthMax: number, name: string): readonly unknown[] {
  return check(
    Array.isArray(value) && value.length <= lengthMax,
    value,
    name,
    `a list of at most ${lengthMax}`,
  ) as unknown[]
}

function check(fits: boolean, value: unknown, name: string, expected: string): unknown {
  if (!fits) throw invalidMessage('shape', `${name} ${String(value).slice(0, 40)}, expected ${expected}`)
  return value
}
