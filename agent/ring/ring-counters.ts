import type { RingStatus } from '#protocol/query/ring-status.ts'
import type { Refusal } from './ring-message.ts'

/** What the ring has done since the start, for metrics. */
export interface RingCounters {
  readonly members: number
  readonly suspects: number
  readonly degree: number
  /** Samples that the holder furthest behind lacks, and for how long it has lacked some, s. */
  readonly lagSamples: number
  readonly lagSeconds: number
  readonly heldBytes: number
  readonly heldOwners: number
  /** Bytes of rows. */
  readonly bytesOut: number
  readonly bytesIn: number
  readonly repairedBytes: number
  /** Messages that could not be handed to the bus; the next tick makes up for them. */
  readonly unsent: number
  /** Messages not taken, by reason: ours of others, not others' of ours. */
  readonly refused: Readonly<Partial<Record<Refusal, number>>>
  /** Rows put aside because they could not be read. */
  readonly damaged: number
}

/** What the status does not say. */
export type RingTallies = Pick<RingCounters, 'repairedBytes' | 'unsent' | 'refused' | 'damaged'>

/** The status in numbers. */
export function countersOf(status: RingStatus, tallies: RingTallies): RingCounters {
  const { members, holders, degree, held, heldBytes, bytesOut, bytesIn } = status
  return {
    members: 1 + members.filter(({ state }) => state === 'alive').length,
    suspects: members.filter(({ state }) => state === 'suspect').length,
    degree,
    lagSamples: Math.max(0, ...holders.map(({ lagSamples }) => lagSamples)),
    lagSeconds: Math.max(0, ...holders.map(({ lagSeconds }) => lagSeconds)),
    heldBytes,
    heldOwners: held.length,
    bytesOut,
    bytesIn,
    ...tallies,
  }
}
