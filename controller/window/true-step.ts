import type { SampleSpan } from '#protocol/aggregation/span.ts'

/** Distances looked at, the newest. */
const deltasMax = 512

/** The step a series is really written at: the most frequent distance of its newest samples, ms, the smaller of equals; null with less than two. */
export function trueStepMs({ timestampsMs, start, end }: SampleSpan): number | null {
  const counts = new Map<number, number>()
  for (let i = Math.max(start + 1, end - deltasMax); i < end; i++) {
    const delta = (timestampsMs[i] as number) - (timestampsMs[i - 1] as number)
    counts.set(delta, (counts.get(delta) ?? 0) + 1)
  }
  let best: [delta: number, count: number] | undefined
  for (const [delta, count] of counts) {
    if (!best || count > best[1] || (count === best[1] && delta < best[0])) best = [delta, count]
  }
  return best?.[0] ?? null
}
