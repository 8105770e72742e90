/** Sums that keep their digits: values that nearly cancel, or that are nearly equal and far from zero. */
import type { SampleSpan } from './span.ts'

/** Neumaier's compensated sum of f(i) for start ≤ i < end (ZAMM 54, 1974). */
export function sumOf(start: number, end: number, f: (i: number) => number): number {
  let sum = 0
  let lost = 0
  for (let i = start; i < end; i++) {
    const term = f(i)
    const next = sum + term
    lost += Math.abs(sum) >= Math.abs(term) ? sum - next + term : term - next + sum
    sum = next
  }
  return sum + lost
}

/** Mean of the values of a span that is not empty. */
export function meanOf({ values, start, end }: SampleSpan): number {
  return sumOf(start, end, (i) => values[i] as number) / (end - start)
}

/** Standard deviation of the population, by a second pass over the distances from the mean. */
export function deviationOf(span: SampleSpan): number {
  const { values, start, end } = span
  const mean = meanOf(span)
  const distance = (i: number): number => (values[i] as number) - mean
  const drift = sumOf(start, end, distance) / (end - start)
  const squares = sumOf(start, end, (i) => distance(i) ** 2) / (end - start)
  return Math.sqrt(Math.max(0, squares - drift ** 2))
}

/** A line through the samples: `value = intercept + slope × seconds since the first sample`. */
export interface Line {
  /** Per second. */
  readonly slope: number
  readonly intercept: number
}

/** Least squares through a span; undefined when all samples share one time. */
export function lineOf(span: SampleSpan): Line | undefined {
  const { timestampsMs, values, start, end } = span
  const first = timestampsMs[start] as number
  const seconds = (i: number): number => ((timestampsMs[i] as number) - first) / 1000
  const middle = sumOf(start, end, seconds) / (end - start)
  const spread = sumOf(start, end, (i) => (seconds(i) - middle) ** 2)
  if (!(spread > 0)) return undefined
  const mean = meanOf(span)
  const slope = sumOf(start, end, (i) => (seconds(i) - middle) * ((values[i] as number) - mean)) / spread
  return { slope, intercept: mean - slope * middle }
}
