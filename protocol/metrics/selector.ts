/**
 * What a query selects: `name;tag=value;tag!=value;tag=~regex;tag!=~regex`, the name a Graphite glob (`glob.ts`), regular
 * expressions anchored at the start. A filter that the empty value satisfies also takes series without the tag; a selector
 * without filters takes any tags. The tag `name` is the metric's name. Without a name part (`;application=shop`) any name fits,
 * and then one filter must ask for a value that is not empty.
 * Rules: Graphite's docs/tags.rst, `shared/reference/peers-monitoring.md` §4.2.
 */
import { LanistaError } from '#protocol/errors.ts'
import { compileAnchored } from './anchored-regex.ts'
import { compileGlob } from './glob.ts'
import type { SeriesName } from './series.ts'

/** Does the series belong to the selection? */
export type SeriesMatcher = (series: SeriesName) => boolean

/** Filters in one selector; more is refused. */
const selectorFiltersMax = 32

type ValueTest = (value: string) => boolean

const filterPattern = /^([^;!^=~\u0000-\u0020]+)(!=~|=~|!=|=)([^;]*)$/

/** A fast matcher for the selector; throws SELECTOR_INVALID. */
export function compileSelector(text: string): SeriesMatcher {
  const [glob = '', ...filterTexts] = text.split(';')
  if (filterTexts.length > selectorFiltersMax) throw invalid(text, `at most ${selectorFiltersMax} filters`)
  const filters = filterTexts.map((filter) => compileFilter(filter, text))
  if (glob === '' && filters.every(({ test }) => test(''))) {
    throw invalid(text, 'a name, or a filter that asks for a value')
  }
  const matchesName = glob === '' ? () => true : compileGlob(glob)
  if (filters.length === 0) return (series) => matchesName(series.name)
  return (series) => matchesName(series.name) && filters.every(({ tag, test }) => test(tagOf(series, tag)))
}

function tagOf(series: SeriesName, tag: string): string {
  if (tag === 'name') return series.name
  return Object.hasOwn(series.tags, tag) ? (series.tags[tag] as string) : ''
}

function compileFilter(filter: string, text: string): { readonly tag: string; readonly test: ValueTest } {
  const [, tag, operator, operand = ''] = filterPattern.exec(filter) ?? []
  if (tag === undefined || operator === undefined) {
    throw invalid(
      text,
      `tag=value, tag!=value, tag=~regex or tag!=~regex where ${JSON.stringify(filter.slice(0, 80))} stands`,
    )
  }
  return { tag, test: compileTest(operator, operand) }
}

function compileTest(operator: string, operand: string): ValueTest {
  if (operator === '=') return (value) => value === operand
  if (operator === '!=') return (value) => value !== operand
  const matches = compileAnchored(operand)
  return operator === '=~' ? matches : (value) => !matches(value)
}

function invalid(text: string, expected: string): LanistaError {
  return new LanistaError(
    'SELECTOR_INVALID',
    `select otherwise: found ${JSON.stringify(text.slice(0, 120))}, expected ${expected}`,
  )
}
