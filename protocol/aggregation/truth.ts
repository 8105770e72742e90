/**
 * Three-valued logic (S. C. Kleene, 1938): what is not known is neither true nor false, and a result is known as soon as no unknown
 * could change it. Conditions carry these values as the numbers 1, 0 and unknown.
 */
import type { Quantifier } from '#protocol/monitors/model.ts'

/** True, false, or null for unknown. */
export type Truth = boolean | null

/** A metric's value as a truth: 0 is false, any other number true, null unknown. */
export function truthOf(value: number | null): Truth {
  return value === null ? null : value !== 0
}

/** A truth as a metric's value: 1, 0 or null. */
export function numberOf(truth: Truth): number | null {
  return truth === null ? null : truth ? 1 : 0
}

/** False as soon as one is false, true when all are true, else unknown; of none unknown. */
export function and(truths: readonly Truth[]): Truth {
  if (truths.includes(false)) return false
  return truths.length === 0 || truths.includes(null) ? null : true
}

/** True as soon as one is true, false when all are false, else unknown; of none unknown. */
export function or(truths: readonly Truth[]): Truth {
  if (truths.includes(true)) return true
  return truths.length === 0 || truths.includes(null) ? null : false
}

/** From left to right, so true when an odd number is true; unknown when any is, and of none. */
export function xor(truths: readonly Truth[]): Truth {
  if (truths.length === 0 || truths.includes(null)) return null
  return truths.filter((truth) => truth === true).length % 2 === 1
}

/** The opposite; of unknown unknown. */
export function not(truth: Truth): Truth {
  return truth === null ? null : !truth
}

/** How many truths there are of each value, and how many there should be; those that are missing are unknown. */
export interface TruthCounts {
  readonly yes: number
  readonly no: number
  readonly unknown: number
  /** Where fewer than `yes + no + unknown`, those count. */
  readonly expected: number
}

/** Whether as many are true as the quantifier wants; unknown while unknowns could change it, and of an empty set. */
export function quantify(quantifier: Quantifier, { yes, no, unknown, expected }: TruthCounts): Truth {
  const total = Math.max(expected, yes + no + unknown)
  if (total === 0) return null
  const needed = neededOf(quantifier, total)
  if (yes >= needed) return true
  return total - no < needed ? false : null
}

function neededOf(quantifier: Quantifier, total: number): number {
  switch (quantifier.kind) {
    case 'every':
      return total
    case 'some':
      return 1
    case 'atLeast':
      return quantifier.count
    case 'atLeastShare':
      return shareOf(quantifier.percent, total)
  }
}

/** The share rounded up, at least 1; `7 % of 100` is 7, though 0.07 × 100 is a little more as doubles. */
function shareOf(percent: number, total: number): number {
  return Math.max(1, Math.ceil((percent * total) / 100 - total * Number.EPSILON))
}
