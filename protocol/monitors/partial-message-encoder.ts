import { encodePartial } from '#protocol/aggregation/partial-encoder.ts'
import { ByteWriter } from '#protocol/samples/bytes.ts'
import { keyOf, madeOfGroup } from './gather.ts'
import {
  groupsMax,
  groupTagsBytesMax,
  hashBytes,
  madeOfFlag,
  type PartialMessage,
  partialMessageBytesMax,
  partialMessageVersion,
  quietFlag,
} from './partial-message-format.ts'

/** A body, and how many groups did not fit into it: the last ones by their tags. */
export interface EncodedPartialMessage {
  readonly body: Uint8Array
  readonly leftOut: number
}

/** The same message gives the same bytes. */
export function encodePartialMessage(message: PartialMessage): EncodedPartialMessage {
  const groups = new ByteWriter(256)
  let count = 0
  const isMade = message.groups.some(({ madeOf }) => madeOf !== undefined)
  for (const group of message.groups.slice(0, groupsMax)) {
    const { tags, expected, partial } = group
    const text = Buffer.from(keyOf(tags))
    const bytes = encodePartial(partial)
    const isLarge = groups.length + text.length + bytes.length > partialMessageBytesMax - 256
    if (isLarge || text.length > groupTagsBytesMax) break
    groups.varint(text.length)
    groups.append(text)
    groups.varint(expected)
    if (isMade) {
      const madeOf = madeOfGroup(group)
      groups.varint(madeOf.known)
      groups.varint(madeOf.expected)
      groups.varint(madeOf.gaps ?? 0)
    }
    groups.varint(bytes.length)
    groups.append(bytes)
    count++
  }
  const writer = new ByteWriter(groups.length + 64)
  writer.byte(partialMessageVersion)
  writer.append(Buffer.from(message.hash, 'hex').subarray(0, hashBytes))
  writer.varint(message.windowEndMs)
  writer.varint(message.session)
  writer.varint(message.by.length)
  writer.append(Buffer.from(message.by, 'latin1'))
  writer.varint(message.revision)
  writer.varint(message.counted)
  writer.varint(message.wanted)
  writer.byte(message.isQuiet ? quietFlag : isMade ? madeOfFlag : 0)
  writer.varint(count)
  writer.append(groups.written())
  return { body: Uint8Array.from(writer.written()), leftOut: message.groups.length - count }
}
