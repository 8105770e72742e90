import { compileSelector, type SeriesMatcher } from '#protocol/metrics/selector.ts'
import type { SeriesName } from '#protocol/metrics/series.ts'
import type { ContextPlan } from '#protocol/monitors/plan.ts'

/** Asks of a series whether any of many selectors takes it: those that name one metric are found by it, the others are tried in turn. */
export class SelectorIndex {
  readonly #named = new Map<string, SeriesMatcher[]>()
  readonly #others: SeriesMatcher[] = []

  /** Selectors given twice count once. Throws SELECTOR_INVALID. */
  constructor(selectors: Iterable<string>) {
    for (const text of new Set(selectors)) {
      const name = text.split(';', 1)[0] as string
      const matches = compileSelector(text)
      if (name === '' || /[*?[\]{}]/.test(name)) this.#others.push(matches)
      else this.#named.set(name, [...(this.#named.get(name) ?? []), matches])
    }
  }

  takes(series: SeriesName): boolean {
    const named = this.#named.get(series.name)
    return (named?.some((matches) => matches(series)) ?? false) || this.#others.some((matches) => matches(series))
  }
}

/** Which series are inputs of these plans. Throws SELECTOR_INVALID. */
export function inputIndexOf(plans: readonly ContextPlan[]): SelectorIndex {
  const selectors = plans.flatMap(({ expressions }) =>
    expressions.flatMap((expression) => (expression.kind === 'series' ? [expression.of] : [])),
  )
  return new SelectorIndex(selectors)
}
