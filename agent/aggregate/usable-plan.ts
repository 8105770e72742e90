import { parseCombine } from '#protocol/aggregation/combine.ts'
import { parseFunction } from '#protocol/aggregation/functions.ts'
import { messageOf } from '#protocol/errors.ts'
import { compileSelector } from '#protocol/metrics/selector.ts'
import { emptyPartial } from '#protocol/monitors/gather.ts'
import type { MonitorContext } from '#protocol/monitors/model.ts'
import { type ContextPlan, type PlannedMonitor, planContext } from '#protocol/monitors/plan.ts'

/** A monitor that is not computed here, and why. */
export interface LeftOut {
  /** `application.monitor`. */
  readonly monitor: string
  readonly error: string
}

/**
 * The plan of what this version can compute: a monitor with a function or a selector that it does not know, as a newer controller may send,
 * is left out, and with it all that take its results. Evaluating the rest throws nothing.
 */
export function usablePlan(context: MonitorContext): { readonly plan: ContextPlan; readonly leftOut: LeftOut[] } {
  const { application } = context
  const leftOut: LeftOut[] = []
  for (let { monitors } = context; ; ) {
    const plan = planContext({ application, monitors })
    const faults = new Map(plan.monitors.flatMap((planned) => faultOf(planned)))
    if (faults.size === 0) {
      const planned = new Set(plan.monitors.map(({ monitor }) => monitor.name))
      const orphans = monitors.filter(({ name }) => !planned.has(name))
      for (const { name } of orphans) leftOut.push({ monitor: `${application}.${name}`, error: 'an input is missing' })
      return { plan, leftOut }
    }
    for (const [name, error] of faults) leftOut.push({ monitor: `${application}.${name}`, error })
    monitors = monitors.filter(({ name }) => !faults.has(name))
  }
}

function faultOf(planned: PlannedMonitor): [monitor: string, error: string][] {
  const { monitor, gathering } = planned
  if (monitor.kind === 'constant') return []
  try {
    if (monitor.kind === 'raw') compileSelector(monitor.of)
    if (gathering !== 'pool' && monitor.function !== undefined) parseFunction(monitor.function)
    if (gathering === 'combine' && monitor.kind === 'composed') {
      parseCombine(monitor.combine ?? '', monitor.from.length, monitor.operand)
    }
    if (gathering === 'pool' || gathering === 'reduce' || gathering === 'quantify') emptyPartial(planned)
    return []
  } catch (error) {
    return [[monitor.name, messageOf(error)]]
  }
}
