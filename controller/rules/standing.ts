/** Since when an action has been recommended: a break, a change of direction or a round that was not judged begins it anew. */
import type { RuleHistory, Standing } from './decision.ts'

/** A rule that was not judged for longer than this many of its periods is as good as new: nobody knows what it would have said. */
const periodsMax = 2

/** The standing of action `index`, recommended (or not) at `nowMs`. Times of the future, of a clock that was wrong, count as now. */
export function standingOf(
  recommends: Standing['recommends'],
  index: number,
  { memory }: RuleHistory,
  everyMs: number,
  nowMs: number,
): Standing {
  const before = memory?.standing[index]
  const isUnbroken = memory !== undefined && Math.abs(nowMs - memory.judgedMs) <= periodsMax * everyMs
  if (!before || !isUnbroken || before.recommends !== recommends) return { recommends, sinceMs: nowMs, isRaised: false }
  return { ...before, sinceMs: Math.min(before.sinceMs, nowMs) }
}
