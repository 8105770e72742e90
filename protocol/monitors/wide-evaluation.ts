import { type Coverage, finishGroups, type GroupPartial, mergeGroups, type Place } from './gather.ts'
import type { MonitorResult, Scope } from './model.ts'
import type { ContextPlan, PlannedMonitor } from './plan.ts'
import { type InputReader, WindowEvaluation } from './window-evaluation.ts'

/** What a cloud, or all clouds, make of one monitor and window. */
export interface WideEvaluation {
  /** Of a monitor of this scope; empty for a wider one. */
  readonly results: readonly MonitorResult[]
  /** All groups so far: what a wider scope merges with those of other clouds. Empty for monitors that map or combine. */
  readonly groups: readonly GroupPartial[]
  /** What its own inputs at this scope were made of. */
  readonly own: Coverage
}

const nothing: Coverage = { known: 0, expected: 0 }

/** What is brought to `evaluateWide`. */
export interface WideInputs {
  readonly scope: Exclude<Scope, 'host'>
  readonly place: Place
  readonly windowEndMs: number
  readonly revision: number
  /** Groups of the hosts of a cloud, or of the clouds. */
  readonly below: Iterable<readonly GroupPartial[]>
  /** Makes of merged groups those there should be: more expected inputs, groups of which nothing was heard. */
  readonly expect?: ((groups: GroupPartial[]) => readonly GroupPartial[]) | undefined
}

/** Evaluates monitors of one window end, inputs before what takes them, each when its time has come. */
export class WideWindow {
  readonly #plan: ContextPlan
  readonly #evaluation: WindowEvaluation

  constructor(plan: ContextPlan, windowEndMs: number, reader: InputReader, place: Place) {
    this.#plan = plan
    this.#evaluation = new WindowEvaluation(plan, windowEndMs, reader, place)
  }

  /** Tells of results of a monitor of this scope at this window end. */
  record(monitor: string, results: readonly MonitorResult[]): void {
    this.#evaluation.record(monitor, results)
  }

  evaluate(planned: PlannedMonitor, { scope, windowEndMs, revision, below, expect }: WideInputs): WideEvaluation {
    const index = planned.inputs[scope]
    const { application } = this.#plan
    if (planned.gathering === 'map' || planned.gathering === 'combine') {
      if (index === undefined || planned.monitor.scope !== scope) return { results: [], groups: [], own: nothing }
      return { results: this.#evaluation.mapped(planned, index, revision), groups: [], own: nothing }
    }
    const gathered = index === undefined ? [] : [this.#evaluation.gathered(planned, index)]
    const own = index === undefined ? nothing : this.#evaluation.coverage(planned, index)
    const merged = mergeGroups(planned, [...below, ...gathered])
    const groups = expect === undefined ? merged : expect(merged)
    if (planned.monitor.scope !== scope) return { results: [], groups, own }
    return { results: finishGroups(planned, groups, { application, windowEndMs, revision }), groups, own }
  }
}
