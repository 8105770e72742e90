/** No clock and no number of starts leads here in a thousand years: a stored number above it is damage. */
export const sessionMax: number = 2 ** 40

/**
 * The session number of an agent's start: one more than the stored one, and never below the clock in seconds, so that an
 * agent that lost its disk is still newer than its past.
 */
export function nextSession(stored: number | undefined, nowMs: number): number {
  const past = stored === undefined || stored > sessionMax ? 0 : stored
  return Math.max(past + 1, Math.floor(nowMs / 1000))
}
