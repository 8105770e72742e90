/** One window of one monitor as somebody published it, and which of two is to be believed. */
import { coverageOfGroup, type GroupPartial, keyOf } from './gather.ts'
import type { MonitorResult } from './model.ts'

/** Who aggregates: the host's session number tells an older life from a newer one. */
export interface Aggregator {
  readonly host: string
  readonly session: number
}

/** What stands published of a window. */
export interface Published {
  readonly by: Aggregator
  readonly results: readonly MonitorResult[]
  readonly revision: number
}

/** Known inputs of expected ones over all results or groups, 0 to 1; 0 where nothing is expected. */
export function coverageOf(results: readonly Pick<MonitorResult, 'known' | 'expected'>[]): number {
  let known = 0
  let expected = 0
  for (const result of results) {
    known += result.known
    expected += result.expected
  }
  return expected === 0 ? 0 : known / expected
}

/** True when the first is to be believed rather than the second: more of the inputs, then the later session, then the host. */
export function isBetter(a: Published, b: Published): boolean {
  const [coverageA, coverageB] = [coverageOf(a.results), coverageOf(b.results)]
  if (coverageA !== coverageB) return coverageA > coverageB
  if (a.by.session !== b.by.session) return a.by.session > b.by.session
  return a.by.host > b.by.host
}

/** True when both say the same of every group, revisions aside. */
export function areSameResults(a: readonly MonitorResult[], b: readonly MonitorResult[]): boolean {
  if (a.length !== b.length) return false
  const of = new Map(b.map((result) => [keyOf(result.tags), result]))
  return a.every(({ tags, value, known, expected }) => {
    const other = of.get(keyOf(tags))
    return other?.value === value && other.known === known && other.expected === expected
  })
}

/** True when a wider scope would finish the same from both. */
export function areSameGroups(a: readonly GroupPartial[], b: readonly GroupPartial[]): boolean {
  if (a.length !== b.length) return false
  return a.every(({ tags, partial, expected }, i) => {
    const other = b[i] as GroupPartial
    if (keyOf(tags) !== keyOf(other.tags) || expected !== other.expected) return false
    if (partial.known !== other.partial.known || partial.unknown !== other.partial.unknown) return false
    const [own, others] = [coverageOfGroup(a[i] as GroupPartial), coverageOfGroup(other)]
    if (own.known !== others.known || own.expected !== others.expected) return false
    return JSON.stringify(partial.finish(expected)) === JSON.stringify(other.partial.finish(expected))
  })
}
