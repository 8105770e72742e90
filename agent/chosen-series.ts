import { compileSelector, type SeriesMatcher } from '#protocol/metrics/selector.ts'

/** Which series somebody is sent: `all`, or those that match one of these selectors. */
export type ChosenSeries = 'all' | readonly string[]

/** Asks of a series whether it is chosen. Throws SELECTOR_INVALID for a selector that does not parse. */
export function matchChosen(chosen: ChosenSeries): SeriesMatcher {
  if (chosen === 'all') return () => true
  const matchers = chosen.map((text) => compileSelector(text))
  return (series) => matchers.some((matches) => matches(series))
}
