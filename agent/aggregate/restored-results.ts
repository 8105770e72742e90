import { parseCanonical } from '#protocol/metrics/series.ts'
import { type MonitorResult, monitorMetric, type Scope } from '#protocol/monitors/model.ts'
import type { ContextPlan } from '#protocol/monitors/plan.ts'
import type { HistoryStore } from '../store/store.ts'
import { cloudTags } from './result-recorder.ts'

/**
 * Results of the monitors of one scope that a store has, series by series: known ones alone, the others were never stored. Rejects with the
 * signal's reason.
 * @param scope host, or cloud: of these the tag that says so is taken off again
 */
export async function* restoredResults(
  store: Pick<HistoryStore, 'read'>,
  { application, monitors }: ContextPlan,
  fromMs: number,
  signal: AbortSignal,
  scope: Exclude<Scope, 'cross-cloud'> = 'host',
): AsyncGenerator<MonitorResult[]> {
  const names = new Map(
    monitors
      .filter(({ monitor }) => monitor.scope === scope)
      .map(({ monitor: { name } }) => [monitorMetric(application, name), name]),
  )
  if (names.size === 0) return
  const isCloud = (tags: Readonly<Record<string, string>>): boolean => tags['scope'] === cloudTags['scope']
  const request = {
    fromMs,
    untilMs: Number.MAX_SAFE_INTEGER,
    matches: ({ name, tags }: { name: string; tags: Readonly<Record<string, string>> }) =>
      names.has(name) && isCloud(tags) === (scope === 'cloud'),
    signal,
  }
  for await (const { name: text, timestampsMs, values } of store.read(request)) {
    const { name, tags } = parseCanonical(text)
    const { scope: _, ...own } = tags
    const head = { application, monitor: names.get(name) as string, tags: isCloud(tags) ? own : tags }
    yield Array.from(values, (value, i) => {
      return { ...head, windowEndMs: timestampsMs[i] as number, value, known: 1, expected: 1, revision: 0 }
    })
  }
}
