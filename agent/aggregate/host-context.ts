/** One application on one host: its plan, what it looks back on, and what of its windows must be read before they can be evaluated. */
import type { SampleSpan } from '#protocol/aggregation/span.ts'
import { spanBetween } from '#protocol/aggregation/span.ts'
import type { BoundSeries } from '#protocol/monitors/binding.ts'
import { evaluateHost, type HostEvaluation, type HostPlace } from '#protocol/monitors/host-evaluation.ts'
import type { MonitorFilter, MonitorResult } from '#protocol/monitors/model.ts'
import { type ContextPlan, difference, type Expression, type PlannedMonitor, reachMs } from '#protocol/monitors/plan.ts'
import { ResultHistory } from '#protocol/monitors/result-history.ts'
import type { InputReader } from '#protocol/monitors/window-evaluation.ts'
import { emptySpan } from './stored-spans.ts'

/** Answers which series are inputs; see `SeriesInputs.bound`. */
export type Bound = (
  application: string,
  of: string,
  filter: MonitorFilter,
  windowEndMs: number,
) => readonly BoundSeries[]

/** Series of one raw input, and how far back from a window's end they are read, ms. */
interface SourceNeed {
  readonly of: string
  readonly filter: MonitorFilter
  readonly lookBackMs: number
}

/** Inputs of one raw monitor that are read; those beyond it count as unknown. */
export const inputsMax = 10_000
/** Results are kept this much longer than any monitor looks back on them, ms. */
const historySlackMs = 3_600_000

export class HostContext {
  readonly #place: HostPlace
  #plan: ContextPlan
  #needs: ReadonlyMap<string, readonly SourceNeed[]>
  #history: ResultHistory
  #lookedBackOn: ReadonlySet<string>

  constructor(plan: ContextPlan, place: HostPlace) {
    this.#place = place
    this.#plan = plan
    this.#needs = needsOf(plan)
    this.#lookedBackOn = lookedBackOn(plan)
    this.#history = new ResultHistory(keepMs(plan))
  }

  get plan(): ContextPlan {
    return this.#plan
  }

  /** How far back results matter, ms. */
  get reachMs(): number {
    return keepMs(this.#plan) - historySlackMs
  }

  /** Takes a new plan; results of what computes the same are kept. */
  replan(plan: ContextPlan): void {
    for (const { monitor } of difference(this.#plan, plan).stops) this.#history.drop(monitor.name)
    if (keepMs(plan) > keepMs(this.#plan)) this.#history = new ResultHistory(keepMs(plan), this.#history)
    this.#plan = plan
    this.#needs = needsOf(plan)
    this.#lookedBackOn = lookedBackOn(plan)
  }

  /** Takes results of this host that monitors look back on. */
  remember(results: readonly MonitorResult[]): void {
    for (const result of results) if (this.#lookedBackOn.has(result.monitor)) this.#history.add(result)
  }

  /** Series to read for these monitors at a window end: by name, how far back, ms. */
  needs(monitors: ReadonlySet<string>, windowEndMs: number, bound: Bound): Map<string, number> {
    const needs = new Map<string, number>()
    for (const monitor of monitors) {
      for (const { of, filter, lookBackMs } of this.#needs.get(monitor) ?? []) {
        for (const { text } of bound(this.#plan.application, of, filter, windowEndMs).slice(0, inputsMax)) {
          needs.set(text, Math.max(lookBackMs, needs.get(text) ?? 0))
        }
      }
    }
    return needs
  }

  /** Evaluates these monitors from samples that were read. Results are remembered by the caller. */
  evaluate(
    monitors: ReadonlySet<string>,
    windowEndMs: number,
    bound: Bound,
    spans: ReadonlyMap<string, SampleSpan>,
  ): HostEvaluation {
    const reader: InputReader = {
      series: (of, filter, endMs) =>
        bound(this.#plan.application, of, filter, endMs).map(({ text, tags }, i) => {
          const span = (i < inputsMax ? spans.get(text) : undefined) ?? emptySpan
          return { tags, read: (fromMs, beforeMs) => spanBetween(span, fromMs, beforeMs) }
        }),
      results: (monitor, endMs) => this.#history.inputs(monitor, endMs),
    }
    const isAsked = ({ monitor }: PlannedMonitor): boolean => monitors.has(monitor.name)
    return evaluateHost(this.#plan, windowEndMs, reader, this.#place, isAsked)
  }
}

function keepMs(plan: ContextPlan): number {
  return historySlackMs + Math.max(0, ...plan.monitors.map((planned) => reachMs(plan, planned)))
}

/** Monitors whose results others see again: in windows of them, or at a window end at which they were due earlier. */
function lookedBackOn({ expressions }: ContextPlan): Set<string> {
  return new Set(
    expressions.flatMap((expression) =>
      expression.kind === 'results' || expression.kind === 'current' ? [expression.monitor] : [],
    ),
  )
}

function needsOf({ monitors, expressions }: ContextPlan): Map<string, readonly SourceNeed[]> {
  const needsBelow = (index: number): SourceNeed[] => {
    const expression = expressions[index] as Expression
    switch (expression.kind) {
      case 'series':
      case 'results':
      case 'current':
      case 'constant':
        return []
      case 'window': {
        const source = expressions[expression.source] as Expression
        const { lookBackMs } = expression
        return source.kind === 'series' ? [{ of: source.of, filter: source.filter, lookBackMs }] : []
      }
      case 'fold':
      case 'compare':
        return needsBelow(expression.input)
      case 'combine':
      case 'union':
        return expression.inputs.flatMap(needsBelow)
    }
  }
  return new Map(
    monitors.map(({ monitor, inputs }) => [monitor.name, inputs.host === undefined ? [] : needsBelow(inputs.host)]),
  )
}
