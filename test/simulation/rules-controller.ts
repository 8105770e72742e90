import { ApplicationRules } from '#controller/rules/application-rules.ts'
import { ConditionResults } from '#controller/rules/condition-source.ts'
import type { Decision, RuleMemory, ScalingMemory } from '#controller/rules/decision.ts'
import { afterScaling } from '#controller/rules/round.ts'
import type { RuleContext } from '#controller/rules/rule-book.ts'
import { doesSomething } from '#controller/rules/summary.ts'
import type { MonitorResult } from '#protocol/monitors/model.ts'

/** What outlives the controller: rows of its registry. */
export interface RuleDisk {
  wanted: number
  /** Epoch ms and count, ascending. */
  readonly counts: (readonly [number, number])[]
  scaling: ScalingMemory
  readonly memories: Map<string, RuleMemory>
  readonly decisions: Set<string>
}

/** A count that a decision has changed. */
export interface CountChange {
  readonly decision: Decision
  readonly from: number
  readonly to: number
}

/** How long after a window's end results are waited for, ms, beyond the lateness of their monitors. */
const hopMs = 10_000

/** One life of the rules of a controller: the real rounds over a simulated clock. */
export class RulesController {
  readonly #disk: RuleDisk
  readonly #state: ApplicationRules
  readonly #conditions = new ConditionResults()
  readonly #onChange: (change: CountChange) => void

  constructor(context: RuleContext, disk: RuleDisk, nowMs: number, onChange: (change: CountChange) => void) {
    this.#disk = disk
    this.#state = new ApplicationRules(context, new Map(), nowMs)
    this.#onChange = onChange
    for (const [rule, memory] of disk.memories) this.#state.memories.set(rule, memory)
  }

  tell(monitor: string, windowEndMs: number, results: readonly MonitorResult[]): void {
    this.#conditions.tell(this.#state.context.application, monitor, windowEndMs, results)
  }

  tick(nowMs: number): void {
    const { queue, latenessMs } = this.#state
    queue.open(nowMs, nowMs, latenessMs + hopMs)
    const isComplete = (windowEndMs: number): boolean => this.#state.isComplete(windowEndMs, this.#conditions)
    for (let end = queue.take(nowMs, isComplete); end !== undefined; end = queue.take(nowMs, isComplete)) {
      this.#judge(end, nowMs)
    }
  }

  #judge(windowEndMs: number, nowMs: number): void {
    const decisions = this.#state.judge(windowEndMs, {
      conditions: this.#conditions,
      wanted: () => this.#disk.wanted,
      scalings: () => new Map([['web', this.#disk.scaling]]),
      events: () => ({ recent: [], heardSinceMs: 0 }),
    })
    for (const decision of decisions) {
      this.#state.memories.set(decision.rule, decision.memory)
      this.#state.last.set(decision.rule, decision)
      this.#disk.memories.set(decision.rule, decision.memory)
      this.#carryOut(decision, nowMs)
    }
  }

  #carryOut(decision: Decision, nowMs: number): void {
    const disk = this.#disk
    const [action] = decision.actions.filter(doesSomething)
    if (action?.to === undefined || action.to === null || disk.decisions.has(decision.id)) return
    const from = disk.wanted
    disk.decisions.add(decision.id)
    disk.scaling = afterScaling(disk.scaling, from, action.to, decision.windowEndMs)
    disk.wanted = action.to
    disk.counts.push([nowMs, action.to])
    this.#onChange({ decision, from, to: action.to })
  }
}
