/**
 * What agents of one cloud say to each other, each message one way on `lanista.T.C.<to>.ring.<from>.<verb>.<id>`. Nothing is
 * answered on a reply subject: any message may be lost, repeated or late, and the next tick makes up for it. Bytes: README.md.
 */
import type { ArrivalRange } from '#protocol/samples/arrival.ts'
import type { Lane, LaneHolding } from './lane.ts'

/** Why a replica took nothing. */
export const refusals = [
  /** The owner named is not the sender. */
  'owner',
  /** A newer start of this owner is known. */
  'old_start',
  /** A lane newer than its owner's start, or a start that none could follow. */
  'future',
  /** Names of some series are unknown: send them from `names` on. */
  'names',
  'checksum',
  'version',
  'size',
  'shape',
  /** The shared area is at its quota. */
  'no_room',
  /** Too much is being written. */
  'busy',
  /** More lanes of one owner, or more owners, than the bound. */
  'lanes',
  'disk',
  /** Rows that nobody asked for. */
  'unasked',
] as const
export type Refusal = (typeof refusals)[number]

/** Owner to holder: this is my start, what do you have of me? Answered by `welcome`. */
export interface Hello {
  readonly verb: 'hello'
  /** The welcome repeats it: only the answer to the latest hello counts. */
  readonly id: number
  readonly storeId: string
  readonly start: number
  readonly zone: string
}

export interface Welcome {
  readonly verb: 'welcome'
  readonly id: number
  /** The start of the hello that this answers. */
  readonly start: number
  /** The newest start of the owner that the holder knows; above `start` = the hello was refused. */
  readonly knownStart: number
  /** Since the holder heard from that start itself, ms; −1 = never, it knows of it from before or from others. */
  readonly knownAgoMs: number
  readonly lanes: readonly LaneHolding[]
  /** Series whose names the hello's start has sent: ids below this. */
  readonly names: number
  /** See {@link Ack.version}. */
  readonly version: number
}

/** Owner to holder: names of series as the owner's start has them, before the first rows that need them. */
export interface Names {
  readonly verb: 'names'
  readonly storeId: string
  readonly start: number
  readonly firstId: number
  readonly count: number
  readonly entries: Uint8Array
}

/** Owner to holder: synced samples. Answered by `ack` or `refuse`. */
export interface Append extends Lane, ArrivalRange {
  readonly verb: 'append'
  readonly owner: string
  readonly zone: string
  /** The owner's start now; `start` is that of the lane. */
  readonly ownerStart: number
  /** One more than the highest series id in the rows. */
  readonly idsTo: number
  readonly rows: Uint8Array
}

/** Holder to owner: of this lane, this much is synced here. */
export interface Ack extends LaneHolding {
  readonly verb: 'ack'
  /** As in {@link Welcome}, of the start that shipped. */
  readonly names: number
  /**
   * Another one after each start of the holder and each withdrawal of something of this owner: what was acknowledged under another
   * version may not be held any more, and the owner greets again.
   */
  readonly version: number
}

export interface Refuse extends Lane, ArrivalRange {
  readonly verb: 'refuse'
  readonly reason: Refusal
  readonly knownStart: number
  /** As in {@link Welcome}. */
  readonly knownAgoMs: number
  /** As in {@link Ack}. */
  readonly names: number
}

/** Holder to owner: do not count on these ranges any more, nor on what is below the floor. Repeated until `withdrawn`. */
export interface Withdraw extends LaneHolding {
  readonly verb: 'withdraw'
  readonly id: number
  readonly version: number
}

export interface Withdrawn {
  readonly verb: 'withdrawn'
  readonly id: number
}

/** Holder to holder: what I have of an owner. Answered in kind, once. */
export interface Offer {
  readonly verb: 'offer'
  readonly owner: string
  /** The owner's zone and newest start, as far as known. */
  readonly zone: string
  readonly ownerStart: number
  readonly lanes: readonly LaneHolding[]
  /** By its own view of the ring the sender is to keep this owner's data. */
  readonly keeps: boolean
  readonly isReply: boolean
}

/** Asks for rows of an owner. Answered by `rows`. */
export interface Fetch extends Lane, ArrivalRange {
  readonly verb: 'fetch'
  readonly id: number
  readonly owner: string
  /** Series of this lane whose names the asker has: ids below this. */
  readonly names: number
}

/** What was asked for, or its end: rows cover `from … to`, nothing when `to < from`. */
export interface Rows extends Lane, ArrivalRange {
  readonly verb: 'rows'
  readonly id: number
  readonly owner: string
  readonly idsTo: number
  readonly rows: Uint8Array
  readonly firstId: number
  readonly count: number
  readonly entries: Uint8Array
}

/** One member as another sees it. Ages in ms; −1 = never. */
export interface GossipRow {
  readonly host: string
  readonly session: number
  readonly zone: string
  /** Since the sender itself heard it. */
  readonly heardAgoMs: number
  /** Since it was last found silent. */
  readonly silentAgoMs: number
  readonly hasLeft: boolean
}

export interface Gossip {
  readonly verb: 'gossip'
  /** Wants the table of the other in return. */
  readonly asks: boolean
  readonly rows: readonly GossipRow[]
}

export type RingMessage =
  | Hello
  | Welcome
  | Names
  | Append
  | Ack
  | Refuse
  | Withdraw
  | Withdrawn
  | Offer
  | Fetch
  | Rows
  | Gossip
export type RingVerb = RingMessage['verb']
