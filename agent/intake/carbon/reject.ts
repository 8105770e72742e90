/**
 * Why a line, a connection's beginning or a pickle was not taken: one word each, the same in counters, logs and
 * `lanista lines`. What every word means stands in this folder's README.
 */
const rejectReasons = [
  'empty',
  'malformed',
  'nan',
  'infinite',
  'value',
  'timestamp',
  'future',
  'tag',
  'name',
  'utf8',
  'long',
  'cardinality',
  'partial',
  'http',
  'tls',
  'pickle_opcode',
  'pickle_frame',
] as const

export type RejectReason = (typeof rejectReasons)[number]

/** How often each reason was met. */
export type RejectCounts = Record<RejectReason, number>

/** All zero. */
export function noRejects(): RejectCounts {
  return Object.fromEntries(rejectReasons.map((reason) => [reason, 0])) as RejectCounts
}
