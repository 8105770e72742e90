/** What the keeper wants of its shell, and what they tell each other of copies. */
import type { ArrivalRange } from '#protocol/samples/arrival.ts'
import type { Lane, LaneHolding } from './lane.ts'
import type { LaneNameCount } from './lane-names.ts'
import type { Refusal, RingMessage } from './ring-message.ts'

/** What the shared area holds of one owner when the agent starts. */
export interface OwnerCopies {
  readonly owner: string
  readonly zone: string
  readonly start: number
  readonly lanes: readonly LaneHolding[]
  readonly names: readonly LaneNameCount[]
  readonly bytes: number
}

/** What must be written with rows, so that a restart remembers whom to refuse. */
export interface OwnerFacts {
  readonly owner: string
  readonly zone: string
  readonly start: number
}

export interface KeptRows extends Lane, ArrivalRange {
  readonly idsTo: number
  readonly rows: Uint8Array
}

export type KeeperAction =
  | { readonly kind: 'send'; readonly to: string; readonly message: RingMessage }
  /** Write the facts, and the rows if any, and sync; answer with `kept`. */
  | { readonly kind: 'keep'; readonly id: number; readonly facts: OwnerFacts; readonly rows?: KeptRows | undefined }
  /** Write names; they need not be synced before rows are. Answer with `namesLost` where that failed. */
  | ({
      readonly kind: 'keepNames'
      readonly owner: string
      readonly firstId: number
      readonly count: number
      readonly entries: Uint8Array
    } & Lane)
  /** Write names of a lane as those that the start `ofStart` of the same store has under these ids; else as `keepNames`. */
  | ({
      readonly kind: 'copyNames'
      readonly owner: string
      readonly ofStart: number
      readonly firstId: number
      readonly count: number
    } & Lane)
  /** Find the oldest rows of an owner, about this many bytes; answer with `oldest`. */
  | { readonly kind: 'findOldest'; readonly owner: string; readonly bytes: number }
  /** Delete everything of a lane up to a position, and remember the floor; answer with `evicted`. */
  | ({ readonly kind: 'evict'; readonly owner: string; readonly to: number } & Lane)
  | { readonly kind: 'refused'; readonly from: string; readonly reason: Refusal }
