/** The samples that monitors take, out of the hosts' stores: whole series, each once, host by host. */
import type { FleetQueries } from '#controller/query/fleet-queries.ts'
import type { Row } from '#controller/query/rows.ts'
import { type SampleSpan, spanOf } from '#protocol/aggregation/span.ts'
import { compileSelector } from '#protocol/metrics/selector.ts'
import type { HostSamples } from '#protocol/monitors/evaluate-all.ts'
import type { MonitorContext, RawMonitor } from '#protocol/monitors/model.ts'
import { planContext, reachMs } from '#protocol/monitors/plan.ts'

export interface SamplesRead {
  readonly samples: readonly HostSamples[]
  /** Hosts `T.C.H` whose samples nobody could be asked for. */
  readonly unanswered: readonly string[]
}

/**
 * Reads from as far back as the monitors see.
 * @throws LanistaError ANSWER_TOO_LARGE, QUERY_TOO_LARGE, BUSY; the signal's reason
 */
export async function readSamples(
  queries: Pick<FleetQueries, 'ask'>,
  tenant: string,
  context: MonitorContext,
  { fromMs, untilMs }: { readonly fromMs: number; readonly untilMs: number },
  signal: AbortSignal,
): Promise<SamplesRead> {
  const plan = planContext(context)
  const reach = Math.max(0, ...plan.monitors.map((planned) => reachMs(plan, planned)))
  const raw = context.monitors.filter((monitor): monitor is RawMonitor => monitor.kind === 'raw')
  const unanswered = new Set<string>()
  const hosts = new Map<string, Map<string, Row>>()
  for (const match of new Set(raw.map(({ of }) => of))) {
    const question = { tenant, match, matches: compileSelector(match), fromMs: fromMs - reach, untilMs, last: false }
    const answer = await queries.ask(question, signal)
    for (const id of answer.unanswered) unanswered.add(id)
    for (const row of answer.rows) {
      const id = `${row.head.cloud}.${row.head.host}`
      const rows = hosts.get(id) ?? new Map<string, Row>()
      hosts.set(id, rows.set(row.key, row))
    }
  }
  const samples = [...hosts.values()].map((rows) => hostSamples([...rows.values()]))
  return { samples, unanswered: [...unanswered].sort() }
}

function hostSamples(rows: readonly Row[]): HostSamples {
  const { cloud = '', host = '' } = rows[0]?.head ?? {}
  return {
    cloud,
    host,
    series: rows.map((row) => ({ series: { name: row.head.name, tags: row.head.tags }, span: spanOfRow(row) })),
  }
}

function spanOfRow({ columns, samples = [] }: Row): SampleSpan {
  if (!columns) return spanOf(samples.flatMap(([timeMs, v]) => (typeof v === 'number' ? [[timeMs, v] as const] : [])))
  const { timestampsMs } = columns
  const [values = new Float64Array(0)] = columns.columns
  return { timestampsMs, values, start: 0, end: timestampsMs.length }
}
