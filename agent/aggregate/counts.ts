import type { PartialRefusal } from '#protocol/monitors/wide-core.ts'

/** Why something was not computed, recorded, sent or taken in. */
export type AggregateRefusal =
  /** A monitor that this version cannot compute, or beyond the bound. */
  | 'monitor'
  /** A result in a series beyond those of its monitor, or of the store. */
  | 'series'
  /** A result whose tags do not make a series. */
  | 'name'
  /** A window that could not be read or evaluated. */
  | 'failed'
  /** Groups that did not fit into a partial. */
  | 'groups'
  /** A message of the controller or of a peer that is none. */
  | 'message'
  /** A message that could not be handed to the bus. */
  | 'unsent'
  /** An ask of a peer while too many are being answered. */
  | 'busy'

/** What was done since the start; each part of the aggregate counts its own. */
export class AggregateCounts {
  /** Monitors in force: those of this host, and those that it computes for its cloud. */
  monitors = 0
  cloudMonitors = 0
  /** Windows of monitors evaluated here. */
  windows = 0
  /** Windows that were never evaluated: too many to make up for after a pause. */
  skipped = 0
  /** Results recorded. */
  results = 0
  partialsOut = 0
  partialsIn = 0
  /** Partials of windows that were closed already. */
  late = 0
  /** Bytes of partials sent, merged ones included. */
  partialBytes = 0
  /** Monitors of the cloud taken over from another agent. */
  takeOvers = 0
  /** Windows published again. */
  recomputed = 0
  /** Asks sent to peers, and answered. */
  asked = 0
  answered = 0
  /** Time spent on evaluating windows, reading included, ms. */
  busyMs = 0
  /** Partials of peers that were not merged, by reason. */
  partialsRefused: ReadonlyMap<PartialRefusal, number> = new Map()
  readonly refused: Map<AggregateRefusal, number> = new Map()

  refuse(reason: AggregateRefusal, count = 1): void {
    if (count > 0) this.refused.set(reason, (this.refused.get(reason) ?? 0) + count)
  }
}
