/** Bodies of `…H.partial.<application>.<monitor>` and `…_cloud.merged.<application>.<monitor>`, version 1; README.md has them byte by byte. */
import { LanistaError } from '#protocol/errors.ts'
import type { GroupPartial } from './gather.ts'

/** First byte. A decoder refuses versions that it does not know. */
export const partialMessageVersion = 1
/** Flags: the sender has no inputs at present; groups say what their inputs were made of. */
export const quietFlag = 1
export const madeOfFlag = 2
/** Bytes of the hash that names what a monitor computes. */
export const hashBytes = 6
/** Groups in one message; those beyond it, or beyond the bytes, are left out and counted. */
export const groupsMax = 10_000
/** Below NATS's own limit of 1 MiB. */
export const partialMessageBytesMax = 1_000_000
/** Bytes of the tags of one group. */
export const groupTagsBytesMax = 8_192

/**
 * Values, and unknown inputs, that one host can have in one group: a second of them at 18 MHz, a day at 776 Hz. More is a lie, and one that
 * is told to use up what a merge may hold.
 */
export const hostValuesMax: number = 2 ** 26

/** What one host, or one cloud, says of one monitor and window; who says it, and of what, stands in the subject. */
export interface PartialMessage {
  /** What the sender computes; another plan's partials are refused. */
  readonly hash: string
  readonly windowEndMs: number
  /** Of the sender, or of the agent that aggregates for its cloud. */
  readonly session: number
  /** Host token of the aggregating agent; empty for a host's own. */
  readonly by: string
  /** Higher each time the same sender says something else of the same window. */
  readonly revision: number
  /**
   * Hosts whose words are in it, and hosts there should be: 1 and 1 for a host's own. Results of the cloud that are inputs count as the
   * inputs they were made of.
   */
  readonly counted: number
  readonly wanted: number
  /** The sender has no inputs at present, and says so again every `quietWindows` windows, or speaks when it has some. */
  readonly isQuiet: boolean
  readonly groups: readonly GroupPartial[]
}

/** A host without inputs of a monitor says so in every tenth window only. */
export const quietWindows = 10

/** MONITOR_PARTIAL_INVALID: the bytes are no partial message of a version that we know. `data.reason` is the word to count it by. */
export function invalidPartialMessage(
  reason: 'size' | 'version' | 'shape',
  found: string,
  cause?: unknown,
): LanistaError {
  return new LanistaError('MONITOR_PARTIAL_INVALID', `refuse the partial: ${found}`, { cause, data: { reason } })
}
