/** What the shipper wants of its shell, and the shell's answer. */
import type { ArrivalRange } from '#protocol/samples/arrival.ts'
import type { RingMessage } from './ring-message.ts'

export type ShipperAction =
  | { readonly kind: 'send'; readonly to: string; readonly message: RingMessage }
  /**
   * Read the first run of samples in the range; answer with `ownRead`. The run may be shorter than the range.
   */
  | { readonly kind: 'readOwn'; readonly id: number; readonly from: number; readonly to: number }
  /** Send names of own series `firstId … firstId + count − 1`. */
  | { readonly kind: 'sendNames'; readonly to: string; readonly firstId: number; readonly count: number }
  /**
   * Open a lane with a higher number: answer with `opened` once it is on disk. In place of the present one while nothing was shipped,
   * else behind it.
   */
  | { readonly kind: 'open'; readonly startAbove: number; readonly isInPlace: boolean }
  /** Another machine lives with our identity; this one ships nothing more. */
  | { readonly kind: 'quarantined'; readonly knownStart: number }

/** What was read of a range. `run` undefined = nothing of it exists (any more). */
export interface OwnRead {
  readonly id: number
  /** Positions found empty, beyond the range too; absent = those of the range before the run. */
  readonly void?: ArrivalRange | undefined
  /** The disk did not answer: ask again, a little later. */
  readonly isFailed?: boolean | undefined
  readonly run?: (ArrivalRange & { readonly idsTo: number; readonly rows: Uint8Array }) | undefined
}
