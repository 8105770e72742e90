/**
 * What rules would have done: every window of a stretch of the past evaluated from samples and judged, with counts, cooldowns and
 * stabilisation as the decisions would have made them. The samples are taken as they are: instances that the rules would have added are
 * not in them, so they are not missed.
 */
import { setImmediate as breathe } from 'node:timers/promises'
import { LanistaError } from '#protocol/errors.ts'
import { evaluateAll, type HostSamples } from '#protocol/monitors/evaluate-all.ts'
import type { MonitorResult } from '#protocol/monitors/model.ts'
import { planContext } from '#protocol/monitors/plan.ts'
import { ApplicationRules } from './application-rules.ts'
import { ConditionResults } from './condition-source.ts'
import type { Decision, RuleEvent } from './decision.ts'
import { afterRound, dueAt, noMemory } from './round.ts'
import type { RuleContext } from './rule-book.ts'
import { doesSomething } from './summary.ts'

export interface ReplayQuestion {
  readonly context: RuleContext
  readonly samples: readonly HostSamples[]
  /** In order of their times; none is taken for missed. */
  readonly events: readonly RuleEvent[]
  /** Ends of windows from here to there, both inclusive, epoch ms. */
  readonly fromMs: number
  readonly untilMs: number
  /** Counts wanted at the beginning, by component. */
  readonly wanted: ReadonlyMap<string, number>
}

/** Windows judged in one replay at most. */
const windowsMax = 200_000
/** How long it computes at a stretch before others have a turn, ms. */
const stretchMs = 20

/**
 * Every decision, by window, then in the order of the rules.
 * @throws LanistaError REPLAY_TOO_LONG; the signal's reason
 */
export async function* replay(question: ReplayQuestion, signal: AbortSignal): AsyncGenerator<Decision> {
  const { context, fromMs, untilMs, samples } = question
  const ends = windowEnds(context, fromMs, untilMs)
  const plan = planContext({ application: context.application, monitors: context.monitors })
  const told = new ResultsUntil(evaluateAll(plan, samples, { fromMs, untilMs }), context.application)
  const rules = new ApplicationRules(context, new Map(), fromMs)
  const wanted = new Map(question.wanted)
  let memory = noMemory
  let restedAtMs = performance.now()
  for (const windowEndMs of ends) {
    signal.throwIfAborted()
    const decisions = rules.judge(windowEndMs, {
      conditions: told.until(windowEndMs),
      wanted: (component) => wanted.get(component),
      scalings: () => memory.scalings,
      events: () => ({ recent: question.events, heardSinceMs: Number.NEGATIVE_INFINITY }),
      isPast: true,
    })
    memory = afterRound(memory, decisions)
    rules.remember(memory)
    for (const { actions } of decisions) {
      for (const { target, to } of actions.filter(doesSomething)) if (to !== null) wanted.set(target, to)
    }
    yield* decisions
    if (performance.now() - restedAtMs < stretchMs) continue
    await breathe()
    restedAtMs = performance.now()
  }
}

function windowEnds(context: RuleContext, fromMs: number, untilMs: number): number[] {
  const periods = new Set(context.rules.map(({ everyMs }) => everyMs))
  const count = [...periods].reduce((sum, everyMs) => sum + Math.max(0, untilMs - fromMs) / everyMs, 0)
  if (count > windowsMax) {
    throw new LanistaError(
      'REPLAY_TOO_LONG',
      `replay a shorter stretch: found about ${Math.round(count)} windows, expected at most ${windowsMax}`,
    )
  }
  const ends = new Set<number>()
  for (const everyMs of periods) {
    for (let endMs = Math.ceil(fromMs / everyMs) * everyMs; endMs <= untilMs; endMs += everyMs) ends.add(endMs)
  }
  return [...ends].filter((endMs) => dueAt(context.rules, endMs).length > 0).sort((a, b) => a - b)
}

/** Takes results off an evaluation as far as a window, and keeps the newest: what the controller would have known of by then. */
class ResultsUntil {
  readonly #results: Iterator<MonitorResult>
  readonly #application: string
  readonly #conditions = new ConditionResults()
  #next: MonitorResult | undefined

  constructor(results: Iterable<MonitorResult>, application: string) {
    this.#results = results[Symbol.iterator]()
    this.#application = application
    this.#advance()
  }

  until(windowEndMs: number): ConditionResults {
    while (this.#next && this.#next.windowEndMs <= windowEndMs) this.#tellWindow(this.#next.windowEndMs)
    return this.#conditions
  }

  #tellWindow(windowEndMs: number): void {
    const byMonitor = new Map<string, MonitorResult[]>()
    for (; this.#next?.windowEndMs === windowEndMs; this.#advance()) {
      const { monitor, tags } = this.#next
      if (tags['host'] !== undefined && tags['cloud'] !== undefined) continue
      byMonitor.set(monitor, [...(byMonitor.get(monitor) ?? []), this.#next])
    }
    for (const [monitor, results] of byMonitor) this.#conditions.tell(this.#application, monitor, windowEndMs, results)
  }

  #advance(): void {
    const { value, done } = this.#results.next()
    this.#next = done === true ? undefined : value
  }
}
