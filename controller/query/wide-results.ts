/**
 * Results of a whole cloud, or of all of them, out of the series of the agents that recorded them: whoever aggregated at the time did, so one
 * result lies in several stores. Pure.
 */
import { coverageMetric } from '#protocol/messages/result.ts'
import { formatSeries } from '#protocol/metrics/series.ts'
import { type Address, cloudHost, controllerHost, homeCloud } from '#protocol/subjects/subject.ts'
import { type CopyAnswer, mergeCopies } from './merge-copies.ts'
import type { Question } from './question.ts'
import type { Row } from './rows.ts'

/** Whose results: `_cloud` = of each cloud, `_controller` = of none. */
export type WidePlace = typeof cloudHost | typeof controllerHost

const scopes: Readonly<Record<WidePlace, string>> = { [cloudHost]: 'cloud', [controllerHost]: 'cross-cloud' }
const names = /^(?:monitor|rule|wanted)\./

/** The place that a host's name in a question stands for. */
export function widePlaceOf(host: string | undefined): WidePlace | undefined {
  return host === cloudHost || host === controllerHost ? host : undefined
}

/** The place whose result a series of a host is. */
export function placeOfRow({ head: { name, tags } }: Row): WidePlace | undefined {
  if (!names.test(name)) return undefined
  if (tags['scope'] === scopes[cloudHost]) return cloudHost
  return tags['scope'] === scopes[controllerHost] ? controllerHost : undefined
}

/** How much of each series was asked for. */
export type Merging = Pick<Question, 'last' | 'names' | 'tenant'>

/** What is known of those who recorded them. */
export interface WideWeights {
  /** Coverage of a window, 0 to 1, as this row's host recorded it; where it recorded none it is 1. */
  readonly coverageAt: (row: Row, timestampMs: number) => number
  /** Session of a host: of two values for one window and of one coverage that of the later session counts. */
  readonly sessionOf: (host: Address) => number
}

/** The rows that are results of the place as rows of the place itself, each time once. */
export function mergeWide(rows: readonly Row[], place: WidePlace, question: Merging, weights: WideWeights): Row[] {
  const groups = new Map<string, Recorded[]>()
  for (const source of rows) {
    if (placeOfRow(source) !== place) continue
    const row = ownRow(source, place)
    const group = groups.get(row.key)
    if (group) group.push({ source, row })
    else groups.set(row.key, [{ source, row }])
  }
  return [...groups.values()]
    .flatMap((group) => {
      const inTurn = group.sort((a, b) => weights.sessionOf(b.source.head) - weights.sessionOf(a.source.head))
      return mergeCopies(
        inTurn.map((recorded) => copyOf(recorded, weights)),
        question,
      )
    })
    .sort((a, b) => (a.key < b.key ? -1 : 1))
}

/** A row as a host recorded it, and as one of the place. */
interface Recorded {
  readonly source: Row
  readonly row: Row
}

function copyOf({ source, row }: Recorded, { coverageAt }: WideWeights): CopyAnswer {
  const timestampsMs = row.columns?.timestampsMs ?? new Float64Array(0)
  const coverages = timestampsMs.map((timestampMs) => coverageAt(source, timestampMs))
  const counts = [{ ...row, columns: { timestampsMs, columns: [coverages] } }]
  return { holder: source.head.host, rows: [row], counts }
}

/** The series in which a host of a cloud recorded the coverage of these results. */
export function coverageKeyOf({ head: { name, cloud, host } }: Row): string {
  const [, application = '', monitor = ''] = name.split('.')
  return `${coverageMetric(application, monitor)} ${cloud}.${host}`
}

/** The same samples under the name of the place, without the tag that says so. */
function ownRow({ head, columns, samples = [] }: Row, place: WidePlace): Row {
  const { scope: _, ...tags } = head.tags
  const cloud = place === cloudHost ? head.cloud : homeCloud
  const text = formatSeries({ name: head.name, tags })
  return {
    key: `${text} ${head.tenant}.${cloud}.${place}`,
    head: { ...head, tags, cloud, host: place },
    columns: columns ?? {
      timestampsMs: Float64Array.from(samples, ([timestampMs]) => timestampMs),
      columns: [Float64Array.from(samples, ([, value]) => (typeof value === 'number' ? value : Number.NaN))],
    },
  }
}
