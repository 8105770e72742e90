/** Answers questions for `_cloud` and `_controller`, which have no store of their own, out of the stores of the agents. */
import { LanistaError } from '#protocol/errors.ts'
import { keeperCloud } from '#protocol/messages/record.ts'
import { coverageMetric } from '#protocol/messages/result.ts'
import { compileSelector } from '#protocol/metrics/selector.ts'
import { type Address, controllerHost, homeCloud } from '#protocol/subjects/subject.ts'
import type { FleetAnswer, FleetQueries } from './fleet-queries.ts'
import type { Question } from './question.ts'
import type { Row } from './rows.ts'
import { coverageKeyOf, mergeWide, placeOfRow, type WidePlace, widePlaceOf } from './wide-results.ts'

export interface WideQueriesDeps {
  readonly queries: Pick<FleetQueries, 'ask'>
  /** Session of a host as far as it is known. */
  readonly sessionOf: (host: Address) => number
}

/**
 * The answer to any question; of a place without a store the results that agents recorded for it.
 * @throws LanistaError as `FleetQueries.ask`; QUERY_INVALID for a function of results of a place without a store
 */
export async function askAnywhere(
  question: Question,
  deps: WideQueriesDeps,
  signal: AbortSignal,
): Promise<FleetAnswer> {
  const place = widePlaceOf(question.host)
  if (place === undefined) return deps.queries.ask(question, signal)
  if (question.function !== undefined) {
    throw new LanistaError(
      'QUERY_INVALID',
      `ask for the results themselves, or define a monitor over them: found a function with the host ${place}`,
      { data: { issues: [{ parameter: 'function', found: question.function, expected: 'none with this host' }] } },
    )
  }
  if (place === controllerHost && (question.cloud ?? homeCloud) !== homeCloud) {
    return { rows: [], answered: 0, unanswered: [] } // what belongs to no cloud is in none
  }
  const cloud = place === controllerHost ? keeperCloud : question.cloud
  const answer = await deps.queries.ask({ ...question, host: undefined, cloud }, signal)
  const coverages = await coveragesOf(answer.rows, place, { ...question, cloud }, deps, signal)
  const { sessionOf } = deps
  const coverageAt = (row: Row, timestampMs: number): number => coverages.get(coverageKeyOf(row))?.get(timestampMs) ?? 1
  return { ...answer, rows: mergeWide(answer.rows, place, question, { coverageAt, sessionOf }) }
}

/** What hosts recorded of the coverage of these results, by time; asked for only where several hosts have results of one cloud. */
async function coveragesOf(
  rows: readonly Row[],
  place: WidePlace,
  { tenant, cloud, fromMs, untilMs, names }: Question,
  { queries }: WideQueriesDeps,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, ReadonlyMap<number, number>>> {
  const coverages = new Map<string, Map<number, number>>()
  const results = rows.filter((row) => placeOfRow(row) === place)
  if (place === controllerHost || names === true || !hasSeveralHosts(results)) return coverages
  const firstMs = Math.min(...results.map(({ columns }) => columns?.timestampsMs[0] ?? Number.POSITIVE_INFINITY))
  const match = `${coverageMetric('*', '*')};scope=cloud`
  const range = { fromMs: Number.isFinite(firstMs) ? firstMs : fromMs, untilMs, last: false }
  const question = { tenant, cloud, match, matches: compileSelector(match), ...range }
  const answer = await queries.ask(question, signal)
  for (const { head, columns } of answer.rows) {
    const times = new Map<number, number>()
    for (const [i, timestampMs] of (columns?.timestampsMs ?? []).entries()) {
      times.set(timestampMs, columns?.columns[0]?.[i] ?? 1)
    }
    coverages.set(`${head.name} ${head.cloud}.${head.host}`, times)
  }
  return coverages
}

function hasSeveralHosts(results: readonly Row[]): boolean {
  const hosts = new Map<string, string>()
  return results.some(({ head: { name, cloud, host } }) => {
    const key = `${name} ${cloud}`
    const other = hosts.get(key) ?? host
    hosts.set(key, host)
    return other !== host
  })
}
