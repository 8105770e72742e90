import type { SeriesMatcher } from '#protocol/metrics/selector.ts'
import type { HostChoice } from './plan.ts'

/** A question to the fleet: whose samples, which series, which stretch of time, as samples or as a function of them. */
export interface Question extends HostChoice {
  /** A selector as written, and compiled; absent = every series. */
  readonly match?: string | undefined
  readonly matches?: SeriesMatcher | undefined
  /** Both ends inclusive, epoch ms; absent = as far as there is anything. */
  readonly fromMs?: number | undefined
  readonly untilMs?: number | undefined
  /** The newest sample of the stretch alone. */
  readonly last: boolean
  /** Every series that matches, with its newest sample where there is one in the stretch. */
  readonly names?: boolean | undefined
  /** Name of a window function, known to exist. */
  readonly function?: string | undefined
  /** One value of the function for each step, windows aligned to its multiples; absent = one value in all. */
  readonly stepMs?: number | undefined
}
