import { decodePartial } from '#protocol/aggregation/partial-decoder.ts'
import { isLanistaError, messageOf } from '#protocol/errors.ts'
import { ByteReader } from '#protocol/samples/bytes.ts'
import { isToken } from '#protocol/subjects/token.ts'
import type { Coverage, GroupPartial } from './gather.ts'
import type { ResultTags } from './model.ts'
import {
  groupsMax,
  groupTagsBytesMax,
  hashBytes,
  hostValuesMax,
  invalidPartialMessage,
  madeOfFlag,
  type PartialMessage,
  partialMessageBytesMax,
  partialMessageVersion,
  quietFlag,
} from './partial-message-format.ts'

/**
 * The message in a body. Any bytes give a valid message or MONITOR_PARTIAL_INVALID, in memory and time that the limits bound. Valid is not
 * true: whoever sends it may lie.
 * @param hosts how many hosts' words may be in it: as many values as they can have, and no more
 */
export function decodePartialMessage(body: Uint8Array, hosts = 1): PartialMessage {
  if (body.length > partialMessageBytesMax) {
    throw invalidPartialMessage('size', `${body.length} bytes, expected at most ${partialMessageBytesMax}`)
  }
  if (body[0] !== partialMessageVersion) {
    throw invalidPartialMessage('version', `version ${body[0] ?? 'none'}, expected ${partialMessageVersion}`)
  }
  try {
    return read(new ByteReader(body.subarray(1)), hosts * hostValuesMax)
  } catch (error) {
    if (isLanistaError(error, 'MONITOR_PARTIAL_INVALID')) throw error
    throw invalidPartialMessage('shape', messageOf(error), error)
  }
}

function read(reader: ByteReader, mostValues: number): PartialMessage {
  const hash = Buffer.from(reader.take(hashBytes)).toString('hex')
  const windowEndMs = reader.varint()
  const session = reader.varint()
  const by = textOf(reader, 64)
  check(by === '' || isToken(by), 'an aggregator that is no host')
  const revision = reader.varint()
  const counted = reader.varint()
  const wanted = reader.varint()
  check(counted <= wanted, 'more hosts counted than expected')
  const flags = reader.byte()
  check(flags === 0 || flags === quietFlag || flags === madeOfFlag, 'unknown flags')
  const count = reader.varint()
  check(count <= groupsMax, `${count} groups, expected at most ${groupsMax}`)
  const groups: GroupPartial[] = []
  for (let i = 0; i < count; i++) groups.push(readGroup(reader, mostValues, flags === madeOfFlag))
  check(flags !== quietFlag || count === 0, 'groups of a sender without inputs')
  check(reader.left === 0, 'bytes behind the last group')
  return { hash, windowEndMs, session, by, revision, counted, wanted, isQuiet: flags === quietFlag, groups }
}

function readGroup(reader: ByteReader, mostValues: number, isMade: boolean): GroupPartial {
  const tags = tagsOf(textOf(reader, groupTagsBytesMax))
  const expected = reader.varint()
  const madeOf = isMade ? readCoverage(reader, mostValues) : undefined
  const partial = decodePartial(reader.take(reader.varint()), mostValues)
  check(expected >= partial.known + partial.unknown, 'fewer inputs expected than counted')
  if (madeOf === undefined) return { tags, partial, expected }
  return { tags, partial, expected, madeOf }
}

function readCoverage(reader: ByteReader, mostValues: number): Coverage {
  const known = reader.varint()
  const expected = reader.varint()
  const gaps = reader.varint()
  check(gaps <= known && known <= expected && expected <= mostValues, 'more inputs of inputs than there can be')
  return gaps === 0 ? { known, expected } : { known, expected, gaps }
}

function textOf(reader: ByteReader, bytesMax: number): string {
  const length = reader.varint()
  check(length <= bytesMax, `a text of ${length} bytes, expected at most ${bytesMax}`)
  return Buffer.from(reader.take(length)).toString('utf8')
}

function tagsOf(text: string): ResultTags {
  const tags: Record<string, string> = {}
  if (text === '') return tags
  for (const part of text.split(';')) {
    const cut = part.indexOf('=')
    check(cut > 0 && cut < part.length - 1, 'tags that are none')
    Object.defineProperty(tags, part.slice(0, cut), {
      value: part.slice(cut + 1),
      enumerable: true,
      configurable: true,
    })
  }
  return tags
}

function check(fits: boolean, found: string): void {
  if (!fits) throw invalidPartialMessage('shape', found)
}
