import type { FleetQueries } from '#controller/query/fleet-queries.ts'
import { LanistaError } from '#protocol/errors.ts'
import { crossCloudTags, keeperCloud } from '#protocol/messages/record.ts'
import { compileSelector } from '#protocol/metrics/selector.ts'
import { formatSeries } from '#protocol/metrics/series.ts'
import { type MonitorResult, monitorMetric } from '#protocol/monitors/model.ts'
import type { Recall } from './cross-cloud.ts'

/** Reads recorded results of a tenant from the agents of `home`. Rejects with RESULTS_UNKNOWN when one of them did not answer. */
export function recallFrom(tenant: string, queries: Pick<FleetQueries, 'ask'>): Recall {
  return async (application, monitor, fromMs, signal) => {
    const match = formatSeries({ name: monitorMetric(application, monitor), tags: crossCloudTags })
    const question = { tenant, cloud: keeperCloud, match, matches: compileSelector(match), fromMs, last: false }
    const { rows, unanswered } = await queries.ask(question, signal)
    if (unanswered.length > 0) {
      throw new LanistaError('RESULTS_UNKNOWN', `ask again: no answer from ${unanswered.slice(0, 5).join(', ')}`)
    }
    return rows.flatMap(({ head, columns }): MonitorResult[] => {
      const { scope: _, ...tags } = head.tags
      const values = columns?.columns[0]
      if (columns === undefined || values === undefined) return []
      return Array.from(values, (value, i) => {
        const windowEndMs = columns.timestampsMs[i] as number
        // nothing is recorded of what a value was made of: it may have lacked something
        return { application, monitor, tags, windowEndMs, value, known: 0, expected: 1, revision: 0 }
      })
    })
  }
}
