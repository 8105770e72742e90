/**
 * Faults that can be switched on in the cores, for one purpose: the simulation must find each of them. Never set outside tests.
 */
export const ringMutants = [
  'acknowledged_before_synced',
  'old_session_accepted',
  'position_reused',
  'evicted_in_silence',
  'two_aggregators',
  'names_shared_by_starts',
] as const
export type RingMutant = (typeof ringMutants)[number]
