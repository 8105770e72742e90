import { finishGroups, type GroupPartial } from './gather.ts'
import type { MonitorResult } from './model.ts'
import type { ContextPlan, PlannedMonitor } from './plan.ts'
import { type InputReader, WindowEvaluation } from './window-evaluation.ts'

/** What one place says of one monitor and window: the groups its inputs fall into. */
export interface MonitorPartial {
  readonly application: string
  readonly monitor: string
  /** Of the monitor as it was planned. */
  readonly hash: string
  readonly windowEndMs: number
  /** Empty = it has no inputs. */
  readonly groups: readonly GroupPartial[]
}

/** What a host makes of a window. */
export interface HostEvaluation {
  /** Of monitors of scope host, in the plan's order; unknown ones included. */
  readonly results: readonly MonitorResult[]
  /** Of wider ones that have inputs on hosts, one each, also where this host has none. */
  readonly partials: readonly MonitorPartial[]
}

/** The place of a host. */
export interface HostPlace {
  readonly cloud: string
  readonly host: string
}

/**
 * Evaluates the monitors of an application whose windows end now, on the host where its samples are. Pure: the same reader gives the same
 * answer, so a window may be evaluated again whenever somebody asks.
 * @param isDue which monitors to evaluate; all whose `everyMs` divides the window's end where it is left out
 */
export function evaluateHost(
  plan: ContextPlan,
  windowEndMs: number,
  reader: InputReader,
  { cloud, host }: HostPlace,
  isDue: (planned: PlannedMonitor) => boolean = () => true,
): HostEvaluation {
  const { application } = plan
  const evaluation = new WindowEvaluation(plan, windowEndMs, reader, { application, cloud, host })
  const results: MonitorResult[] = []
  const partials: MonitorPartial[] = []
  for (const planned of plan.monitors) {
    const { monitor, inputs, hash } = planned
    if (inputs.host === undefined || windowEndMs % monitor.everyMs !== 0 || !isDue(planned)) continue
    if (monitor.scope !== 'host') {
      const groups = evaluation.gathered(planned, inputs.host)
      partials.push({ application, monitor: monitor.name, hash, windowEndMs, groups })
      continue
    }
    const own = resultsAt(evaluation, planned, inputs.host, { application, windowEndMs })
    evaluation.record(monitor.name, own)
    results.push(...own)
  }
  return { results, partials }
}

function resultsAt(
  evaluation: WindowEvaluation,
  planned: PlannedMonitor,
  index: number,
  header: { readonly application: string; readonly windowEndMs: number },
): MonitorResult[] {
  if (planned.gathering === 'map' || planned.gathering === 'combine') return evaluation.mapped(planned, index)
  return finishGroups(planned, evaluation.gathered(planned, index), { ...header, revision: 0 })
}
