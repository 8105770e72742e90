/** How far ahead of the clock a sample may lie: a day, ms. */
export const futureMsMax = 86_400_000

/** From here up a timestamp is in milliseconds (1973 as such, the year 5138 in seconds). */
export const millisecondsFrom = 1e11

/**
 * What a carbon timestamp means: seconds or milliseconds by size, fractions kept to the nearest millisecond, −1 = now.
 * @param nowMs epoch ms
 * @returns epoch ms; NaN when it is no timestamp. Whether it lies too far ahead is the caller's question.
 */
export function instantMs(timestamp: number, nowMs: number): number {
  if (timestamp === -1) return nowMs
  if (!(timestamp >= 0)) return Number.NaN
  return Math.round(timestamp >= millisecondsFrom ? timestamp : timestamp * 1000) + 0
}
