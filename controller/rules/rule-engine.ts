/**
 * The shell of the rules: opens a window of each application when it ends, waits for the results of its monitors or a deadline, lets
 * `judge` decide, has the actions carried out, and tells what was decided. One application never waits for another.
 */
import type { EventService } from '#controller/events/event-service.ts'
import type { RegistryChange, RegistryStore } from '#controller/registry/registry-store.ts'
import { messageOf } from '#protocol/errors.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { OnceAMinute } from '#protocol/runtime/once-a-minute.ts'
import type { ActionExecutor } from './action-executor.ts'
import { ApplicationRules, type RoundSources } from './application-rules.ts'
import { carryOut } from './carry-out.ts'
import type { ConditionSource } from './condition-source.ts'
import type { Decision } from './decision.ts'
import { type Effect, eventFieldsOf, metricOf, wantedMetric } from './decision-report.ts'
import { News } from './news.ts'
import type { ResultSink } from './result-sink.ts'
import { type RuleBook, type RuleContext, ruleId } from './rule-book.ts'
import { RuleEvents } from './rule-events.ts'
import { type RuleRow, RuleRows, standsOtherwise } from './rule-rows.ts'
import { doesSomething } from './summary.ts'

export interface RuleEngineOptions {
  readonly tenant: string
  /** What results may take from the hosts to here, beyond the lateness of their monitors, ms. Default 10,000. */
  readonly hopMs?: number | undefined
}

export interface RuleEngineDeps {
  readonly book: RuleBook
  readonly conditions: ConditionSource
  readonly executor: ActionExecutor
  readonly events: Pick<EventService, 'say' | 'heardSinceMs' | 'store'>
  readonly sink: ResultSink
  readonly registry: RegistryStore
  readonly clock: Clock
  readonly logger: Logger
}

export interface RuleCounters {
  /** Windows judged, and decisions in them. */
  readonly rounds: number
  readonly decisions: number
  /** Windows judged without all their results. */
  readonly late: number
  readonly scaled: number
  readonly raised: number
  /** Actions that the executor refused or could not write. */
  readonly notDone: number
  readonly writeFailures: number
}

const hopMsDefault = 10_000
/** The wall clock is looked at this often at least: it may step. */
const lookMsMax = 1000
/** How often the time of the last judgement is written, ms. */
const judgedIntervalMs = 5000

export class RuleEngine {
  readonly #options: RuleEngineOptions
  readonly #deps: RuleEngineDeps
  readonly #rows: RuleRows
  readonly #logged: OnceAMinute
  readonly #events: RuleEvents
  readonly #applications = new Map<string, ApplicationRules>()
  readonly #busy = new Map<string, Promise<void>>()
  readonly #effects = new Map<string, Effect>()
  readonly #news = new News()
  readonly #stops: (() => void)[] = []
  readonly #counters = { rounds: 0, decisions: 0, late: 0, scaled: 0, raised: 0, notDone: 0, writeFailures: 0 }
  #restored = new Map<string, RuleRow>()
  #judgedMs = Number.NEGATIVE_INFINITY
  #judgedWrittenAtMs = Number.NEGATIVE_INFINITY
  #cancel: () => void = () => undefined
  #forgetting: Promise<unknown> = Promise.resolve()
  #isClosed = false

  private constructor(options: RuleEngineOptions, deps: RuleEngineDeps) {
    this.#options = options
    this.#deps = deps
    this.#rows = new RuleRows(options.tenant)
    this.#logged = new OnceAMinute(deps.clock)
    this.#events = new RuleEvents(options.tenant, deps.events)
  }

  /** Reads what is remembered, then judges each window that ends from now on. */
  static async open(options: RuleEngineOptions, deps: RuleEngineDeps): Promise<RuleEngine> {
    const engine = new RuleEngine(options, deps)
    engine.#restored = await engine.#rows.read(deps.registry)
    engine.#judgedMs = await engine.#rows.readJudged(deps.registry)
    engine.#follow()
    engine.#stops.push(deps.book.onChange(() => engine.#follow()))
    engine.#stops.push(deps.conditions.onResult((application) => engine.#proceed(application)))
    engine.#tick()
    return engine
  }

  get counters(): RuleCounters {
    return this.#counters
  }

  /** The rules of every application as they stand; theirs to read only. */
  get applications(): ReadonlyMap<string, ApplicationRules> {
    return this.#applications
  }

  /** What the last action of a rule came to; undefined = it had none to carry out. */
  effectOf(application: string, rule: string): Effect | undefined {
    return this.#effects.get(ruleId(application, rule))
  }

  /** What a rule would decide now, as if it were not paused, out of its newest results. Changes nothing; undefined = no such rule. */
  tryOut(application: string, rule: string): Decision | undefined {
    const state = this.#applications.get(application)
    return state?.tryOut(rule, this.#deps.clock.now(), this.sourcesOf(application))
  }

  /** What rounds of an application are judged from. */
  sourcesOf(application: string): RoundSources {
    const { conditions, executor } = this.#deps
    return {
      conditions,
      wanted: (component) => executor.wanted(application, component),
      scalings: () => executor.scalings(application),
      events: (name) => this.#events.inputOf(name),
    }
  }

  /** Pauses or resumes a rule by hand; this stands until the other is asked for. Rejects with REGISTRY_WRITE_FAILED. */
  async pause(application: string, rule: string, paused: boolean): Promise<void> {
    const state = this.#applications.get(application)
    if (!state) return
    const before = state.pauses.get(rule)
    state.pause(rule, paused)
    try {
      await this.#deps.registry.write([this.#rowOf(state, rule)])
    } catch (error) {
      state.pause(rule, before)
      throw error
    }
    const now = this.#deps.clock.now()
    const kind = paused ? 'rule.paused' : 'rule.resumed'
    this.#say(application, `${ruleId(application, rule)}.${kind}.${now}`, kind, { rule })
  }

  /** Judges nothing more; waits for actions under way. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancel()
    for (const stop of this.#stops.splice(0)) stop()
    await Promise.all([...this.#busy.values(), this.#forgetting])
    if (Number.isFinite(this.#judgedMs)) await this.#write([this.#rows.judged(this.#judgedMs)])
  }

  /** Follows the book: what is new begins, what is gone is forgotten, what is the same goes on. */
  #follow(): void {
    const contexts = this.#deps.book.contexts()
    const gone = new Set(this.#applications.keys())
    for (const context of contexts) {
      gone.delete(context.application)
      this.#followOne(context)
    }
    for (const application of gone) {
      this.#forget(application, new Set())
      this.#applications.delete(application)
    }
    this.#events.watch(contexts.flatMap(({ rules }) => rules))
  }

  #followOne(context: RuleContext): void {
    const { application } = context
    const before = this.#applications.get(application)
    if (before?.context === context) return
    const state = new ApplicationRules(context, before?.pauses ?? this.#restoredPauses(context), this.#deps.clock.now())
    if (before) state.takeOver(before)
    else this.#restore(state)
    if (before) this.#forget(application, new Set(context.rules.map(({ name }) => name)))
    this.#applications.set(application, state)
  }

  #restoredPauses({ application, rules }: RuleContext): Map<string, boolean> {
    return new Map(
      rules.flatMap(({ name }) => {
        const paused = this.#restored.get(ruleId(application, name))?.paused
        return paused === undefined ? [] : [[name, paused] as const]
      }),
    )
  }

  #restore({ context: { application, rules }, memories }: ApplicationRules): void {
    for (const { name } of rules) {
      const row = this.#restored.get(ruleId(application, name))
      if (row) memories.set(name, { judgedMs: this.#judgedMs, standing: row.standing })
      this.#restored.delete(ruleId(application, name))
    }
  }

  /** Forgets the rules of an application but those named. */
  #forget(application: string, kept: ReadonlySet<string>): void {
    const rules = this.#applications.get(application)?.context.rules ?? []
    const gone = rules.filter(({ name }) => !kept.has(name))
    for (const { name } of gone) {
      this.#news.forget(application, name)
      this.#effects.delete(ruleId(application, name))
    }
    const written = this.#write(gone.map(({ name }) => this.#rows.change(application, name, undefined)))
    this.#forgetting = Promise.all([this.#forgetting, written])
  }

  #tick(): void {
    if (this.#isClosed) return
    const { clock } = this.#deps
    const hopMs = this.#options.hopMs ?? hopMsDefault
    let quietMs = lookMsMax
    for (const [application, { queue, latenessMs }] of this.#applications) {
      queue.open(clock.now(), clock.monotonic(), latenessMs + hopMs)
      this.#proceed(application)
      quietMs = Math.min(quietMs, queue.quietMs(clock.now(), clock.monotonic()))
    }
    this.#cancel = clock.after(Math.max(1, quietMs), () => this.#tick())
  }

  /** Judges the next window of an application that is due, and those behind it; while it does, another call changes nothing. */
  #proceed(application: string): void {
    const state = this.#applications.get(application)
    if (!state || this.#isClosed || this.#busy.has(application)) return
    const { conditions, clock, logger } = this.#deps
    const isComplete = (windowEndMs: number): boolean => state.isComplete(windowEndMs, conditions)
    const windowEndMs = state.queue.take(clock.monotonic(), isComplete)
    if (windowEndMs === undefined) return
    if (!isComplete(windowEndMs)) this.#counters.late++
    const round = this.#round(state, windowEndMs)
      .catch((error: unknown) => {
        logger.error({ application, windowEndMs, error: messageOf(error) }, 'rules_not_judged')
      })
      .finally(() => {
        this.#busy.delete(application)
        this.#proceed(application)
      })
    this.#busy.set(application, round)
  }

  async #round(state: ApplicationRules, windowEndMs: number): Promise<void> {
    const { application } = state.context
    const decisions = state.judge(windowEndMs, this.sourcesOf(application))
    this.#counters.rounds++
    this.#counters.decisions += decisions.length
    const changed: string[] = []
    for (const decision of decisions) {
      const effect = decision.actions.some(doesSomething) ? await this.#carryOut(decision, state) : undefined
      const before = state.memories.get(decision.rule)
      const memory = effect?.outcome === 'failed' ? unraised(decision) : decision.memory
      if (standsOtherwise(before, memory)) changed.push(decision.rule)
      state.memories.set(decision.rule, memory)
      state.last.set(decision.rule, decision)
      this.#tell(decision, effect)
    }
    this.#record(state, decisions, windowEndMs)
    const isCurrent = this.#applications.get(application) === state
    const rows = isCurrent ? changed.map((rule) => this.#rowOf(state, rule)) : []
    await this.#write([...rows, ...this.#judgedChange(windowEndMs)])
  }

  /** The row of a rule as it stands when it is written. */
  #rowOf({ context: { application }, memories, pauses }: ApplicationRules, rule: string): RegistryChange {
    const standing = memories.get(rule)?.standing ?? []
    return this.#rows.change(application, rule, { standing, paused: pauses.get(rule) })
  }

  async #carryOut(decision: Decision, state: ApplicationRules): Promise<Effect> {
    const rule = state.rules.find(({ name }) => name === decision.rule)
    const effect = await carryOut(decision, rule, this.#deps.executor)
    if (effect.outcome === 'refused' || effect.outcome === 'failed') {
      this.#counters.notDone++
      this.#logged.pass(ruleId(decision.application, decision.rule), (suppressed) =>
        this.#deps.logger.warn({ decision: decision.id, suppressed, ...effect }, 'rule_action_not_done'),
      )
      return effect
    }
    if (decision.actions.some(({ isRaised }) => isRaised)) this.#counters.raised++
    if (decision.actions.some(({ from, to }) => from !== to)) this.#counters.scaled++
    this.#deps.logger.info({ decision: decision.id, reason: decision.reason }, 'rule_decided')
    return effect
  }

  /** An event for what changes something, and for what is held back for another reason than before. */
  #tell(decision: Decision, effect: Effect | undefined): void {
    const { application, rule, id } = decision
    if (effect) this.#effects.set(ruleId(application, rule), effect)
    if (this.#news.isNew(decision, effect?.outcome))
      this.#say(application, id, 'rule.decided', eventFieldsOf(decision, effect))
  }

  #say(application: string, id: string, kind: string, fields: Readonly<Record<string, unknown>>): void {
    this.#deps.events.say({ tenant: this.#options.tenant, id, kind, application, fields })
  }

  #record({ context }: ApplicationRules, decisions: readonly Decision[], windowEndMs: number): void {
    const { executor, sink } = this.#deps
    const { application } = context
    const counts = [...context.components.keys()].flatMap((component) => {
      const wanted = executor.wanted(application, component)
      return wanted === undefined ? [] : [wantedMetric(application, component, windowEndMs, wanted)]
    })
    sink.record([...decisions.map(metricOf), ...counts])
  }

  #judgedChange(windowEndMs: number): RegistryChange[] {
    this.#judgedMs = windowEndMs
    const nowMs = this.#deps.clock.monotonic()
    if (nowMs - this.#judgedWrittenAtMs < judgedIntervalMs) return []
    this.#judgedWrittenAtMs = nowMs
    return [this.#rows.judged(windowEndMs)]
  }

  /** What cannot be written is remembered until the next start; then it counts as a pause, and stabilisation begins anew. */
  async #write(changes: readonly RegistryChange[]): Promise<void> {
    if (changes.length === 0) return
    try {
      await this.#deps.registry.write(changes)
    } catch (error) {
      this.#counters.writeFailures++
      this.#logged.pass('write', (suppressed) =>
        this.#deps.logger.warn({ suppressed, error: messageOf(error) }, 'rules_not_written'),
      )
    }
  }
}

/** What is remembered of a decision that was not carried out: nothing was raised. */
function unraised({ memory, actions }: Decision): Decision['memory'] {
  const standing = memory.standing.map((one, i) => (actions[i]?.isRaised === true ? { ...one, isRaised: false } : one))
  return { ...memory, standing }
}
