/**
 * Brings samples of one series into time order in place, each time once: of several samples with one timestamp the last in the
 * given order stays. Samples that are in order already, as nearly all are, cost one comparison each.
 * @returns how many are left, at the beginning of both arrays
 */
export function orderByTime(timestampsMs: Float64Array, values: Float64Array, count: number): number {
  let i = 1
  while (i < count && (timestampsMs[i] as number) > (timestampsMs[i - 1] as number)) i++
  if (i >= count) return count
  const order = Array.from({ length: count }, (_, index) => index)
  order.sort((a, b) => (timestampsMs[a] as number) - (timestampsMs[b] as number) || a - b)
  const times = timestampsMs.slice(0, count)
  const sorted = values.slice(0, count)
  let kept = 0
  for (const index of order) {
    const time = times[index] as number
    if (kept > 0 && timestampsMs[kept - 1] === time) kept--
    timestampsMs[kept] = time
    values[kept] = sorted[index] as number
    kept++
  }
  return kept
}

/** One ordered run of samples; of two runs with a sample at one time the one with the higher rank has it. */
export interface RankedRun {
  readonly timestampsMs: Float64Array
  readonly values: Float64Array
  readonly rank: number
}

/** Merges ordered runs into one; the higher rank wins, of equal ranks the later in the list. */
export function mergeRuns(runs: readonly RankedRun[]): { timestampsMs: Float64Array; values: Float64Array } {
  const ranked = runs.filter((run) => run.timestampsMs.length > 0).toSorted((a, b) => a.rank - b.rank)
  const [only] = ranked
  if (only && ranked.length === 1) return { timestampsMs: only.timestampsMs, values: only.values }
  const total = ranked.reduce((sum, run) => sum + run.timestampsMs.length, 0)
  const timestampsMs = new Float64Array(total)
  const values = new Float64Array(total)
  let at = 0
  for (const run of ranked.toSorted(
    (a, b) => (a.timestampsMs[0] as number) - (b.timestampsMs[0] as number) || a.rank - b.rank,
  )) {
    timestampsMs.set(run.timestampsMs, at)
    values.set(run.values, at)
    at += run.timestampsMs.length
  }
  if (isIncreasing(timestampsMs)) return { timestampsMs, values }
  at = 0
  for (const run of ranked) {
    timestampsMs.set(run.timestampsMs, at)
    values.set(run.values, at)
    at += run.timestampsMs.length
  }
  const count = orderByTime(timestampsMs, values, total)
  return { timestampsMs: timestampsMs.subarray(0, count), values: values.subarray(0, count) }
}

function isIncreasing(times: Float64Array): boolean {
  for (let i = 1; i < times.length; i++) if ((times[i] as number) <= (times[i - 1] as number)) return false
  return true
}

/** The distance that most neighbours have, over at most the last 256 samples; 0 for fewer than two. */
export function commonStepMs(timestampsMs: Float64Array): number {
  const regular = regularStepMs(timestampsMs)
  if (regular > 0) return regular
  const counts = new Map<number, number>()
  let best = 0
  let bestCount = 0
  for (let i = Math.max(1, timestampsMs.length - 256); i < timestampsMs.length; i++) {
    const step = (timestampsMs[i] as number) - (timestampsMs[i - 1] as number)
    const count = (counts.get(step) ?? 0) + 1
    counts.set(step, count)
    if (count > bestCount || (count === bestCount && step < best)) {
      best = step
      bestCount = count
    }
  }
  return best
}

/** The distance of the last samples when it is the same 128 times, 0 otherwise: most neighbours then have it. */
function regularStepMs(timestampsMs: Float64Array): number {
  const end = timestampsMs.length
  if (end < 129) return 0
  const step = (timestampsMs[end - 1] as number) - (timestampsMs[end - 2] as number)
  for (let i = end - 128; i < end; i++) {
    if ((timestampsMs[i] as number) - (timestampsMs[i - 1] as number) !== step) return 0
  }
  return step
}
