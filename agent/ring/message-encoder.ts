import { Packr } from 'msgpackr'
import type { ArrivalRange } from '#protocol/samples/arrival.ts'
import { crc32c } from '../store/block/crc32c.ts'
import type { LaneHolding } from './lane.ts'
import { type FieldKind, headerBytes, messageFields, rangesMax, ringVersion, verbs } from './message-format.ts'
import { type GossipRow, type RingMessage, refusals } from './ring-message.ts'

const packr = new Packr({ useRecords: false })

/** A ring message as a body. What holds more ranges than fit is sent with the newest of them. */
export function encodeMessage(message: RingMessage): Uint8Array {
  const fields: readonly (readonly [string, FieldKind])[] = messageFields[message.verb]
  const values = message as unknown as Readonly<Record<string, unknown>>
  const start = values['start'] as number
  const packed = packr.pack(fields.map(([name, kind]) => encodeField(kind, values[name], start)))
  const body = new Uint8Array(headerBytes + packed.length)
  body[0] = ringVersion
  body[1] = verbs.indexOf(message.verb)
  body.set(packed, headerBytes)
  const checksum = crc32c(body, headerBytes, body.length, crc32c(body, 0, 2))
  new DataView(body.buffer).setUint32(2, checksum, true)
  return body
}

function encodeField(kind: FieldKind, value: unknown, start: number): unknown {
  switch (kind) {
    case 'since':
      return (value as number) - start
    case 'refusal':
      return refusals.indexOf(value as (typeof refusals)[number])
    case 'ranges':
      return encodeRanges(newest(value as readonly ArrivalRange[], rangesMax))
    case 'lanes':
      return encodeLanes(value as readonly LaneHolding[])
    case 'gossip':
      return (value as readonly GossipRow[]).map((row) => [
        row.host,
        row.session,
        row.zone,
        row.heardAgoMs,
        row.silentAgoMs,
        row.hasLeft,
      ])
    case 'age':
    case 'bytes':
    case 'count':
    case 'flag':
    case 'start':
    case 'storeId':
    case 'token':
    case 'zone':
      return value
  }
}

function encodeLanes(lanes: readonly LaneHolding[]): unknown[] {
  let left = rangesMax
  const encoded: unknown[] = []
  for (const { storeId, start, floor, ranges } of lanes.toSorted((a, b) => b.start - a.start)) {
    const sent = newest(ranges, left)
    left -= sent.length
    encoded.push([storeId, start, floor, encodeRanges(sent)])
  }
  return encoded
}

function newest(ranges: readonly ArrivalRange[], count: number): readonly ArrivalRange[] {
  return ranges.length <= count ? ranges : ranges.slice(ranges.length - count)
}

/** Gap before each range and its length, one after the other. */
function encodeRanges(ranges: readonly ArrivalRange[]): number[] {
  const flat: number[] = []
  let next = 0
  for (const { from, to } of ranges) {
    flat.push(from - next, to - from + 1)
    next = to + 1
  }
  return flat
}
