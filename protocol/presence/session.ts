/**
 * The session number of an agent's start: one more than the stored one, and never below the clock in seconds, so that an
 * agent that lost its disk is still newer than its past.
 */
export function nextSession(stored: number | undefined, nowMs: number): number {
  return Math.max((stored ?? 0) + 1, Math.floor(nowMs / 1000))
}
