/** One window end of one application at one place: expressions valued on demand, each once. */
import { compare, parseCombine } from '#protocol/aggregation/combine.ts'
import { type FunctionValue, parseFunction } from '#protocol/aggregation/functions.ts'
import { type SampleSpan, spanBetween } from '#protocol/aggregation/span.ts'
import {
  type Coverage,
  coverageOfInput,
  type GroupPartial,
  gather,
  type InputValue,
  type InputWindow,
  keyOf,
  type Place,
  sumOf,
} from './gather.ts'
import type { MonitorFilter, MonitorResult, ResultTags, WindowSpec } from './model.ts'
import type { ContextPlan, Expression, PlannedMonitor } from './plan.ts'
import { isWholeTime } from './time-coverage.ts'

/** A series that is an input, with what tells it apart; empty stretches mean that its value is unknown, not that it is absent. */
export interface BoundInput {
  readonly tags: ResultTags
  /** Samples with `fromMs ≤ timestamp < beforeMs`. */
  read(fromMs: number, beforeMs: number): SampleSpan
  /** Of results: what those of the window ends in between were made of; where it is left out, each counts as one input. */
  coverage?(fromMs: number, beforeMs: number): Coverage & { readonly windows: number }
}

/** Where an evaluation reads; both answer for the place it is made at. */
export interface InputReader {
  /** Series bound to a raw monitor at this window end (`binding.ts` has the rule). */
  series(of: string, filter: MonitorFilter, windowEndMs: number): readonly BoundInput[]
  /** Recorded results of a monitor as series, up to this window end; unknown ones are no samples. */
  results(monitor: string, windowEndMs: number): readonly BoundInput[]
}

type Valued = readonly InputValue[]
type Windowed = readonly InputWindow[]

/** Not reusable for another window. */
export class WindowEvaluation {
  readonly #plan: ContextPlan
  readonly #windowEndMs: number
  readonly #reader: InputReader
  readonly #place: Place
  readonly #values = new Map<number, Valued>()
  readonly #windows = new Map<number, Windowed>()
  readonly #current = new Map<string, readonly MonitorResult[]>()

  constructor(plan: ContextPlan, windowEndMs: number, reader: InputReader, place: Place) {
    this.#plan = plan
    this.#windowEndMs = windowEndMs
    this.#reader = reader
    this.#place = place
  }

  /** Tells of results of this window end, for the monitors that take them. */
  record(monitor: string, results: readonly MonitorResult[]): void {
    this.#current.set(monitor, results)
  }

  /** Results of a monitor that maps or combines at this place. */
  mapped(planned: PlannedMonitor, index: number, revision = 0): MonitorResult[] {
    const { application } = this.#plan
    const { name } = planned.monitor
    const windowEndMs = this.#windowEndMs
    return this.#valued(index).map(({ tags, value, known = value === null ? 0 : 1, expected = 1, gaps }) => {
      const result = { application, monitor: name, tags, windowEndMs, value, known, expected, revision }
      return gaps === undefined ? result : { ...result, gaps }
    })
  }

  /** What the inputs of an expression were made of, all together. */
  coverage(planned: PlannedMonitor, index: number): Coverage {
    const inputs = planned.gathering === 'pool' ? this.#windowed(index) : this.#valued(index)
    return inputs.reduce<Coverage>((sum, input) => sumOf(sum, coverageOfInput(input)), { known: 0, expected: 0 })
  }

  /** What this place adds to the groups of a monitor that pools, reduces or quantifies. */
  gathered(planned: PlannedMonitor, index: number): GroupPartial[] {
    return gather(planned, planned.gathering === 'pool' ? this.#windowed(index) : this.#valued(index), this.#place)
  }

  #valued(index: number): Valued {
    const known = this.#values.get(index)
    if (known !== undefined) return known
    const values = this.#evaluate(this.#plan.expressions[index] as Expression)
    this.#values.set(index, values)
    return values
  }

  #evaluate(expression: Expression): Valued {
    switch (expression.kind) {
      case 'constant':
        return [{ tags: {}, value: expression.value }]
      case 'current':
        return this.#currentOf(expression.monitor)
      case 'fold': {
        const of = parseFunction(expression.function)
        return this.#windowed(expression.input).map(({ span, ...input }) => {
          return { ...input, value: span.end > span.start ? numberOf(of(span)) : null }
        })
      }
      case 'compare':
        return this.#valued(expression.input).map((input) => {
          return { ...input, value: compare(expression.with, input.value, expression.limit) }
        })
      case 'combine':
        return combineValues(
          expression.inputs.map((input) => this.#valued(input)),
          parseCombine(expression.combine, expression.inputs.length, expression.operand),
        )
      case 'union':
        return expression.inputs.flatMap((input) => this.#valued(input))
      case 'series':
      case 'results':
      case 'window':
        throw new RangeError(`${expression.kind} has no value of its own`)
    }
  }

  #windowed(index: number): Windowed {
    const known = this.#windows.get(index)
    if (known !== undefined) return known
    const expression = this.#plan.expressions[index] as Expression
    let windows: Windowed = []
    if (expression.kind === 'union') windows = expression.inputs.flatMap((input) => this.#windowed(input))
    else if (expression.kind === 'window')
      windows = this.#cut(
        expression.source,
        expression.window,
        expression.lookBackMs,
        this.#plan.everyMs[index] as number,
      )
    this.#windows.set(index, windows)
    return windows
  }

  /** Samples belong to `[end − length, end)`; a result stands for the window before it, so of results it is `(end − length, end]`. */
  #cut(source: number, window: WindowSpec, lookBackMs: number, everyMs: number): Windowed {
    const expression = this.#plan.expressions[source] as Expression
    const isRaw = expression.kind === 'series'
    const inputs = isRaw
      ? this.#reader.series(expression.of, expression.filter, this.#windowEndMs)
      : this.#reader.results((expression as { monitor: string }).monitor, this.#windowEndMs)
    const beforeMs = this.#windowEndMs + (isRaw ? 0 : 1)
    const fromMs = beforeMs - lookBackMs
    const cut = inputs.map((input) => ({ tags: input.tags, span: input.read(fromMs, beforeMs) }))
    const whole = isRaw ? cut : this.#withCurrent((expression as { monitor: string }).monitor, cut)
    return whole.map(({ tags, span }, i) => {
      const start = window.kind === 'time' ? span.start : Math.max(span.start, span.end - window.samples)
      const own = { tags, span: start === span.start ? span : { ...span, start } }
      const input = inputs[i]
      if (isRaw) {
        const isWhole = isWholeTime(own.span, window.kind === 'time' ? fromMs : undefined, beforeMs, everyMs)
        return isWhole || own.span.end === own.span.start ? own : { ...own, gaps: 1 }
      }
      if (input === undefined) return own
      const sinceMs = window.kind === 'time' ? fromMs : (span.timestampsMs[start] ?? fromMs)
      return { ...own, ...this.#coverageOf(expression as { monitor: string }, input, window, sinceMs) }
    })
  }

  /** What the results of a window were made of, up to this window end; in one by time, windows without a result are one unknown input each. */
  #coverageOf(
    { monitor }: { monitor: string },
    input: BoundInput,
    window: WindowSpec,
    fromMs: number,
  ): Partial<Coverage> {
    if (input.coverage === undefined) return {}
    const current = this.#current.get(monitor)
    const own = current?.find(({ tags }) => keyOf(tags) === keyOf(input.tags))
    const before = input.coverage(fromMs, this.#windowEndMs + (own === undefined ? 1 : 0))
    const everyMs = this.#plan.monitors.find((planned) => planned.monitor.name === monitor)?.monitor.everyMs ?? 1
    const windows = window.kind === 'time' ? Math.floor(window.ms / everyMs) : 0
    const lost = Math.max(0, windows - before.windows - (own === undefined ? 0 : 1))
    return sumOf(sumOf(before, own ?? nothing), { known: 0, expected: lost })
  }

  #currentOf(monitor: string): Valued {
    const results = this.#current.get(monitor)
    if (results !== undefined) return results
    return this.#reader.results(monitor, this.#windowEndMs).map((input) => {
      const span = input.read(this.#windowEndMs, this.#windowEndMs + 1)
      const coverage = input.coverage?.(this.#windowEndMs, this.#windowEndMs + 1)
      return {
        tags: input.tags,
        known: coverage?.known ?? 0,
        expected: coverage?.expected ?? 1,
        gaps: coverage?.gaps,
        value: span.end > span.start ? (span.values[span.end - 1] as number) : null,
      }
    })
  }

  /** Recorded windows with the result of this very window end in place of what is recorded of it. */
  #withCurrent(monitor: string, windows: Windowed): Windowed {
    const results = this.#current.get(monitor)
    if (results === undefined) return windows
    const values = new Map(results.map(({ tags, value }) => [keyOf(tags), { tags, value }]))
    const known = windows.map((input) => {
      const key = keyOf(input.tags)
      const current = values.get(key)
      values.delete(key)
      return current === undefined ? input : { ...input, span: this.#ended(input.span, current.value) }
    })
    const more = [...values.values()].map(({ tags, value }) => ({ tags, span: this.#ended(emptySpan, value) }))
    return [...known, ...more]
  }

  #ended(span: SampleSpan, value: number | null): SampleSpan {
    const before = spanBetween(span, Number.NEGATIVE_INFINITY, this.#windowEndMs)
    if (value === null) return before
    const part = (column: Float64Array, last: number): Float64Array => {
      const copy = new Float64Array(before.end - before.start + 1)
      copy.set(column.subarray(before.start, before.end))
      copy[copy.length - 1] = last
      return copy
    }
    const timestampsMs = part(before.timestampsMs, this.#windowEndMs)
    return { timestampsMs, values: part(before.values, value), start: 0, end: timestampsMs.length }
  }
}

const nothing: Coverage = { known: 0, expected: 0 }
const emptySpan: SampleSpan = { timestampsMs: new Float64Array(0), values: new Float64Array(0), start: 0, end: 0 }

/** Of a line the slope, per second. */
function numberOf(value: FunctionValue): number | null {
  return typeof value === 'object' ? (value?.slope ?? null) : value
}

/**
 * Values with the same tags made into one; an input whose only value has no tags goes with all. Where one input lacks a value that
 * another has, it is unknown.
 */
function combineValues(
  inputs: readonly Valued[],
  combine: (values: readonly (number | null)[]) => number | null,
): Valued {
  const isForAll = inputs.map((values) => values.length === 1 && keyOf((values[0] as InputValue).tags) === '')
  const maps = inputs.map((values) => new Map(values.map((value) => [keyOf(value.tags), value])))
  const tags = new Map<string, ResultTags>()
  for (const [i, values] of inputs.entries()) {
    if (!isForAll[i]) for (const value of values) tags.set(keyOf(value.tags), value.tags)
  }
  if (tags.size === 0 && isForAll.some(Boolean)) tags.set('', {})
  return [...tags].map(([key, own]) => {
    const operands = maps.map((values, i) => values.get(isForAll[i] ? '' : key))
    const value = combine(operands.map((operand) => operand?.value ?? null))
    const coverage = operands.reduce<Coverage>(
      (sum, each) => sumOf(sum, each === undefined ? { known: 0, expected: 1 } : coverageOfOperand(each)),
      nothing,
    )
    return { tags: own, value, ...coverage }
  })
}

function coverageOfOperand({ value, known = value === null ? 0 : 1, expected = 1, gaps }: InputValue): Coverage {
  return { known, expected, gaps }
}
