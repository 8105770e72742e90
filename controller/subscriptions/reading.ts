/** What flows to subscribers: samples of hosts, results of monitors, decisions of rules, all in one shape. */
import { formatSeries, type SeriesName } from '#protocol/metrics/series.ts'
import type { Scope } from '#protocol/monitors/model.ts'
import { type Address, cloudHost, controllerHost } from '#protocol/subjects/subject.ts'

/** Whose values they are. */
export interface ReadingSource {
  readonly tenant: string
  readonly scope: Scope
  /** Absent for results that belong to no cloud. */
  readonly cloud?: string | undefined
  /** Absent for results of wider scopes. */
  readonly host?: string | undefined
  readonly series: SeriesName
  readonly unit?: string | undefined
  /** Unique text of all this; the same whichever agent holds a result at the moment. */
  readonly key: string
}

/** One value of a source. */
export interface Reading {
  readonly source: ReadingSource
  /** Epoch ms: of the sample, or the end of the window. */
  readonly timestampMs: number
  /** Null = unknown. */
  readonly value: number | null
}

/** A result of the controller itself, as `SubscriptionService.offer` takes it. */
export interface OfferedResult {
  readonly tenant: string
  readonly series: SeriesName
  readonly unit?: string | undefined
  /** Epoch ms, the end of the window. */
  readonly timestampMs: number
  /** Null = unknown. */
  readonly value: number | null
}

const resultName = /^(?:monitor|rule|wanted)\./

/**
 * The source of a series that `address` sent or recorded. Results of wider scopes (`monitor.…`, `rule.…` with the tag `scope`) belong
 * to their cloud, or to none, not to the host that happens to record them.
 */
export function sourceOf(
  { tenant, cloud, host }: Address,
  series: SeriesName,
  unit: string | undefined,
): ReadingSource {
  const scope = scopeOf(host, series)
  const place = scope === 'cross-cloud' ? {} : scope === 'cloud' ? { cloud } : { cloud, host }
  const key = `${tenant}.${place.cloud ?? ''}.${place.host ?? ''} ${formatSeries(series)}`
  return { tenant, scope, ...place, series, unit, key }
}

function scopeOf(host: string, { name, tags }: SeriesName): Scope {
  if (host === controllerHost) return 'cross-cloud'
  if (host === cloudHost) return 'cloud'
  const tag = resultName.test(name) && Object.hasOwn(tags, 'scope') ? tags['scope'] : undefined
  return tag === 'cross-cloud' || tag === 'cloud' ? tag : 'host'
}

/**
 * Labels that tell the source from others, in order: cloud and host where it has them, then its tags. A tag that an application
 * itself called `cloud` or `host` is then `tag_cloud`, `tag_host`: it must not be taken for where the sample comes from.
 */
export function labelsOf({ cloud, host, series }: ReadingSource): readonly (readonly [string, string])[] {
  const place = Object.entries({ cloud, host }).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, value] as const],
  )
  const taken = new Set(place.map(([key]) => key))
  const tags = Object.entries(series.tags).map(([key, value]) => [taken.has(key) ? `tag_${key}` : key, value] as const)
  return [...place, ...tags]
}
