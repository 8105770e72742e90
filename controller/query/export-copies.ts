/** The samples of hosts that are gone, out of what others of their cloud hold: whose can be had, and then the samples, a stretch at a time. */
import { isLanistaError } from '#protocol/errors.ts'
import { formatSeries } from '#protocol/metrics/series.ts'
import { type ExportFormat, exportLines } from '#protocol/query/export-lines.ts'
import { type Address, hostIdOf } from '#protocol/subjects/subject.ts'
import { unavailable } from './export-text.ts'
import type { FleetQueries } from './fleet-queries.ts'
import type { PlannedHost } from './plan.ts'
import type { Question } from './question.ts'

/** Hosts of a plan: those with samples that can be had, and those without, `T.C.H`. */
export interface Reachable {
  readonly plan: readonly PlannedHost[]
  readonly missing: readonly string[]
}

type Copies = Pick<FleetQueries, 'ask'>

/** Parts the plan of a question by whether anybody answers for a host, itself or who holds it. Throws BUSY; the signal's reason. */
export async function reachable(
  plan: readonly PlannedHost[],
  question: Question,
  copies: Copies,
  signal: AbortSignal,
): Promise<Reachable> {
  const nothing = { ...question, match: noSeries, matches: (): boolean => false, names: true }
  const { unanswered } = await copies.ask(nothing, signal)
  const missing = new Set(unanswered)
  return { plan: plan.filter(({ owner }) => !missing.has(hostIdOf(owner))), missing: unanswered }
}

/** A selector that fits nothing: whether somebody holds a host's samples is told all the same. */
const noSeries = 'lanista.no.series'

/**
 * Lines of one host; what is too much for one answer comes in halves, so that a series is not in one piece then. Throws
 * HOST_UNAVAILABLE when nobody answers any more.
 */
export async function* copiesText(
  owner: Address,
  question: Question,
  format: ExportFormat,
  { copies, nowMs }: { readonly copies: Copies; readonly nowMs: number },
  signal: AbortSignal,
): AsyncGenerator<string> {
  const stretches = [{ fromMs: question.fromMs ?? 0, untilMs: question.untilMs ?? nowMs }]
  for (let stretch = stretches.pop(); stretch; stretch = stretches.pop()) {
    const { fromMs, untilMs } = stretch
    try {
      const { rows, unanswered } = await copies.ask(ofOne(owner, { ...question, fromMs, untilMs }), signal)
      if (unanswered.length > 0) throw unavailable(owner)
      for (const { head, columns } of rows) {
        const values = columns?.columns[0]
        if (columns && values) yield exportLines(owner, formatSeries(head), { ...columns, values }, format)
      }
    } catch (error) {
      if (!isLanistaError(error, 'ANSWER_TOO_LARGE') || untilMs <= fromMs) throw error
      const middleMs = Math.floor((fromMs + untilMs) / 2)
      stretches.push({ fromMs: middleMs + 1, untilMs }, { fromMs, untilMs: middleMs })
    }
  }
}

function ofOne({ cloud, ...rest }: Address, question: Question): Question {
  return { ...question, cloud, host: hostIdOf({ cloud, ...rest }) }
}
