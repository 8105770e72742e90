/**
 * The wire form of ring messages, version 1; README.md has it byte by byte. Writer and reader share nothing but this table.
 */
import { LanistaError } from '#protocol/errors.ts'
import type { Refusal, RingMessage, RingVerb } from './ring-message.ts'

/** First byte of every message. A reader refuses versions that it does not know. */
export const ringVersion = 1
/** Version, verb, CRC-32C. */
export const headerBytes = 6
/** A message above this many bytes is refused unread. */
export const messageBytesMax = 1_048_576
/** Ranges in one message, all lanes together; a writer leaves the oldest out, and they count as not held. */
export const rangesMax = 4096
export const lanesMax = 1000
export const gossipRowsMax = 2001

/** How a field is written. `lane` spreads its fields over the message; `since` is a start as what it is above the lane's. */
export type FieldKind =
  | 'count'
  | 'age'
  | 'start'
  | 'since'
  | 'flag'
  | 'token'
  | 'zone'
  | 'storeId'
  | 'bytes'
  | 'refusal'
  | 'ranges'
  | 'lanes'
  | 'gossip'

type FieldsOf<Message> = Message extends RingMessage
  ? readonly (readonly [keyof Omit<Message, 'verb'> & string, FieldKind])[]
  : never

const lane = [
  ['storeId', 'storeId'],
  ['start', 'start'],
] as const
const span = [
  ['from', 'count'],
  ['to', 'count'],
] as const

/** The fields of each verb in order. The order of verbs is their number on the wire: append only. */
export const messageFields: { readonly [Verb in RingVerb]: FieldsOf<Extract<RingMessage, { readonly verb: Verb }>> } = {
  hello: [['id', 'count'], ...lane, ['zone', 'zone']],
  welcome: [
    ['id', 'count'],
    ['start', 'start'],
    ['knownStart', 'start'],
    ['knownAgoMs', 'age'],
    ['lanes', 'lanes'],
    ['names', 'count'],
    ['version', 'start'],
  ],
  names: [...lane, ['firstId', 'count'], ['count', 'count'], ['entries', 'bytes']],
  append: [
    ...lane,
    ...span,
    ['owner', 'token'],
    ['zone', 'zone'],
    ['ownerStart', 'since'],
    ['idsTo', 'count'],
    ['rows', 'bytes'],
  ],
  ack: [...lane, ['ranges', 'ranges'], ['floor', 'count'], ['names', 'count'], ['version', 'start']],
  refuse: [...lane, ...span, ['reason', 'refusal'], ['knownStart', 'start'], ['knownAgoMs', 'age'], ['names', 'count']],
  withdraw: [...lane, ['ranges', 'ranges'], ['floor', 'count'], ['id', 'count'], ['version', 'start']],
  withdrawn: [['id', 'count']],
  offer: [
    ['owner', 'token'],
    ['zone', 'zone'],
    ['ownerStart', 'start'],
    ['lanes', 'lanes'],
    ['keeps', 'flag'],
    ['isReply', 'flag'],
  ],
  fetch: [['id', 'count'], ['owner', 'token'], ...lane, ...span, ['names', 'count']],
  rows: [
    ['id', 'count'],
    ['owner', 'token'],
    ...lane,
    ...span,
    ['idsTo', 'count'],
    ['rows', 'bytes'],
    ['firstId', 'count'],
    ['count', 'count'],
    ['entries', 'bytes'],
  ],
  gossip: [
    ['asks', 'flag'],
    ['rows', 'gossip'],
  ],
}

/** Verbs by their number. */
export const verbs: readonly RingVerb[] = Object.keys(messageFields) as RingVerb[]

/** The bytes are no ring message that we know; `reason` is one of the refusals. */
export function invalidMessage(reason: Refusal, found: string, cause?: unknown): LanistaError {
  return new LanistaError('RING_MESSAGE_INVALID', `refuse the ring message: ${found}`, { cause, data: { reason } })
}
