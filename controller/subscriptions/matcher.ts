import { compileGlob } from '#protocol/metrics/glob.ts'
import { compileSelector } from '#protocol/metrics/selector.ts'
import type { ReadingSource } from './reading.ts'
import type { Subscription } from './subscription.ts'

/** Is a source one of those subscribed to? The tenant is the caller's to compare. Throws SELECTOR_INVALID. */
export function compileMatch({ match, scope, cloud, host }: Subscription): (source: ReadingSource) => boolean {
  const selectors = match.map(compileSelector)
  const fitsCloud = matcherOf(cloud)
  const fitsHost = host?.includes('.') ? wholeHost(compileGlob(host)) : onHost(matcherOf(host))
  return (source) =>
    (scope === undefined || scope === source.scope) &&
    fitsCloud(source.cloud) &&
    fitsHost(source) &&
    selectors.some((matches) => matches(source.series))
}

type Fits<T> = (value: T) => boolean

/** A glob never fits what is not there. */
function matcherOf(glob: string | undefined): Fits<string | undefined> {
  if (glob === undefined) return () => true
  const matches = compileGlob(glob)
  return (value) => value !== undefined && matches(value)
}

function onHost(fits: Fits<string | undefined>): Fits<ReadingSource> {
  return ({ host }) => fits(host)
}

function wholeHost(matches: Fits<string>): Fits<ReadingSource> {
  return ({ tenant, cloud, host }) => host !== undefined && matches(`${tenant}.${cloud}.${host}`)
}
