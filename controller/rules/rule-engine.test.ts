import { afterEach, describe, expect, it } from 'vitest'
import { MemoryBroker } from '#broker/memory.ts'
import { EventService } from '#controller/events/event-service.ts'
import { EventStore, eventStoreDefaults } from '#controller/events/event-store.ts'
import { MemoryRegistryStore } from '#controller/registry/memory-registry-store.ts'
import type { Monitor } from '#protocol/monitors/model.ts'
import type { Rule } from '#protocol/monitors/rule.ts'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { MemoryExecutor } from './action-executor.ts'
import { ConditionResults } from './condition-source.ts'
import { everyMs, leaf, modelRule, startMs } from './model-rule.ts'
import type { ResultSample } from './result-sink.ts'
import { MemoryRuleBook, type RuleContext } from './rule-book.ts'
import { RuleEngine } from './rule-engine.ts'

const closes: (() => unknown)[] = []

afterEach(async () => {
  for (const close of closes.splice(0).reverse()) await close()
})

/** A monitor that a leaf could have been made into. */
function monitor(name: string): Monitor {
  const base = { name, scope: 'cross-cloud', everyMs, latenessMs: 5000, coverage: 0, by: [], exact: false } as const
  return { ...base, kind: 'composed', from: [] }
}

function shop(rules: readonly Rule[], max = 6): RuleContext {
  return {
    application: 'shop',
    rules,
    monitors: [monitor('busy'), monitor('idle')],
    components: new Map([['web', { min: 1, max }]]),
  }
}

const grow = modelRule()
const shrink = modelRule({ name: 'shrink', when: leaf('idle'), then: [{ kind: 'scale', component: 'web', by: -1 }] })

class Stage {
  readonly clock: FakeClock = new FakeClock(startMs)
  readonly rows: Map<string, string>
  readonly book: MemoryRuleBook
  readonly conditions: ConditionResults = new ConditionResults()
  readonly executor: MemoryExecutor
  readonly samples: ResultSample[] = []

  constructor(rules: readonly Rule[], { web = 2, rows = new Map<string, string>() } = {}) {
    this.rows = rows
    this.book = new MemoryRuleBook([shop(rules)])
    this.executor = new MemoryExecutor({ 'shop.web': web })
  }

  async engine(): Promise<{ engine: RuleEngine; events: EventService }> {
    const deps = { clock: this.clock, logger: silentLogger, registry: new MemoryRegistryStore(this.rows) }
    const bus = new MemoryBroker(deps).connect({ kind: 'controller' })
    const store = await EventStore.open(eventStoreDefaults, deps)
    const events = EventService.start({ ...deps, bus, store })
    const sink = { record: (samples: readonly ResultSample[]) => this.samples.push(...samples) }
    const { book, conditions, executor } = this
    const engine = await RuleEngine.open({ tenant: 'main' }, { ...deps, book, conditions, executor, events, sink })
    closes.push(
      () => bus.close(),
      () => events.close(),
      () => engine.close(),
    )
    return { engine, events }
  }

  /** The window that ends next, and the results of its leaves. */
  async window(values: Readonly<Record<string, number | null>>, known = 2): Promise<void> {
    const windowEndMs = Math.floor(this.clock.now() / everyMs + 1) * everyMs
    await this.clock.advance(windowEndMs - this.clock.now() + 1)
    for (const [name, value] of Object.entries(values)) {
      const result = {
        application: 'shop',
        monitor: name,
        tags: {},
        windowEndMs,
        value,
        known,
        expected: 2,
        revision: 0,
      }
      this.conditions.tell('shop', name, windowEndMs, [result])
    }
    await this.clock.advance(1)
  }

  get wanted(): number | undefined {
    return this.executor.wanted('shop', 'web')
  }
}

function told(events: EventService): unknown[] {
  return events.store.query({}, 1000).map(({ kind, fields }) => [kind, fields['rule'], fields['decision']])
}

describe('the rule engine', () => {
  it('judges a window as soon as its results are in, and has done what was decided', async () => {
    const stage = new Stage([grow])
    await stage.engine()
    await stage.window({ busy: 1, idle: 0 })
    expect(stage.wanted).toBe(3)
    expect(stage.executor.done).toEqual([
      {
        application: 'shop',
        component: 'web',
        from: 2,
        to: 3,
        decisionId: `shop.grow.${startMs + everyMs}`,
        atMs: startMs + everyMs,
      },
    ])
  })

  it('judges without results when the deadline is over, and does nothing then', async () => {
    const stage = new Stage([grow, shrink])
    const { engine } = await stage.engine()
    await stage.window({})
    await stage.clock.advance(14_900)
    expect(engine.counters).toMatchObject({ rounds: 0 })
    await stage.clock.advance(200)
    expect(engine.counters).toMatchObject({ rounds: 1, late: 1, scaled: 0 })
    expect(stage.wanted).toBe(2)
  })

  it('tells a decision when it changes something or has another reason, and each as a metric', async () => {
    const stage = new Stage([grow])
    const { events } = await stage.engine()
    for (const busy of [0, 0, 0, 1, null, null, 0]) await stage.window({ busy })
    expect(told(events)).toEqual([
      ['rule.decided', 'grow', 'condition'],
      ['rule.decided', 'grow', 'up'],
      ['rule.decided', 'grow', 'unknown'],
      ['rule.decided', 'grow', 'condition'],
    ])
    const rules = stage.samples.filter(({ name }) => name === 'rule.shop.grow')
    expect(rules.map(({ tags, value }) => [tags['decision'], value])).toEqual([
      ['condition', 0],
      ['condition', 0],
      ['condition', 0],
      ['up', 1],
      ['unknown', 0],
      ['unknown', 0],
      ['condition', 0],
    ])
    expect(stage.samples.filter(({ name }) => name === 'wanted.shop.web').map(({ value }) => value)).toEqual([
      2, 2, 2, 3, 3, 3, 3,
    ])
  })

  it('keeps cooldowns over rules, and stabilisation over a restart', async () => {
    const rows = new Map<string, string>()
    const steady = { ...grow, stabilisation: { upMs: 45_000, downMs: 0 } }
    const stage = new Stage([steady], { rows })
    const { engine } = await stage.engine()
    await stage.window({ busy: 1 })
    await stage.window({ busy: 1 })
    expect(stage.wanted).toBe(2)
    await engine.close()
    await stage.engine()
    await stage.window({ busy: 1 })
    expect(stage.wanted).toBe(2)
    await stage.window({ busy: 1 })
    expect(stage.wanted).toBe(3)
  })

  it('begins stabilisation anew after a long pause', async () => {
    const steady = { ...grow, stabilisation: { upMs: 45_000, downMs: 0 } }
    const stage = new Stage([steady])
    const { engine } = await stage.engine()
    for (let i = 0; i < 3; i++) await stage.window({ busy: 1 })
    await engine.close()
    await stage.clock.advance(60_000)
    await stage.engine()
    await stage.window({ busy: 1 })
    expect(stage.wanted).toBe(2)
  })

  it('never does a decision twice', async () => {
    const stage = new Stage([grow])
    await stage.engine()
    await stage.window({ busy: 1 })
    stage.clock.step(-everyMs)
    await stage.clock.advance(1000)
    stage.clock.step(everyMs)
    await stage.clock.advance(20_000)
    expect(stage.executor.done).toHaveLength(1)
  })

  it('does nothing of the windows that a clock two days ahead jumped over, and goes on when it is back', async () => {
    const stage = new Stage([grow, shrink])
    const { engine } = await stage.engine()
    await stage.window({ busy: 0, idle: 0 })
    stage.clock.step(2 * 86_400_000)
    await stage.clock.advance(20_000)
    expect(engine.counters.rounds).toBeLessThanOrEqual(3)
    expect(stage.executor.done).toEqual([])
    stage.clock.step(-2 * 86_400_000)
    await stage.clock.advance(20_000)
    await stage.window({ busy: 1, idle: 0 })
    expect(stage.wanted).toBe(3)
  })

  it('pauses and resumes by hand, also over a restart', async () => {
    const stage = new Stage([grow])
    const { engine, events } = await stage.engine()
    await engine.pause('shop', 'grow', true)
    await stage.window({ busy: 1 })
    expect(stage.wanted).toBe(2)
    await engine.close()
    const { engine: again } = await stage.engine()
    await stage.window({ busy: 1 })
    expect(stage.wanted).toBe(2)
    await again.pause('shop', 'grow', false)
    await stage.window({ busy: 1 })
    expect(stage.wanted).toBe(3)
    expect(told(events)[0]).toEqual(['rule.paused', 'grow', undefined])
  })

  it('follows the book: rules that change begin anew, the others go on', async () => {
    const stage = new Stage([grow, shrink])
    const { engine } = await stage.engine()
    await stage.window({ busy: 0, idle: 0 })
    stage.book.set([shop([{ ...grow, then: [{ kind: 'scale', component: 'web', by: 3 }] }, shrink])])
    const rules = engine.applications.get('shop')
    expect([rules?.last.has('grow'), rules?.last.has('shrink')]).toEqual([false, true])
    await stage.window({ busy: 1, idle: 0 })
    expect(stage.wanted).toBe(5)
    stage.book.set([])
    await stage.clock.advance(1)
    expect(engine.applications.size).toBe(0)
    expect([...stage.rows.keys()].filter((key) => key.startsWith('rule!'))).toEqual([])
  })

  it('tries again at the next window what could not be written', async () => {
    const stage = new Stage([grow])
    const { engine, events } = await stage.engine()
    const scale = stage.executor.scale.bind(stage.executor)
    stage.executor.scale = () => Promise.reject(new Error('disk full'))
    await stage.window({ busy: 1 })
    expect([stage.wanted, engine.counters.notDone]).toEqual([2, 1])
    expect(events.store.query({}, 1)[0]?.fields).toMatchObject({ outcome: 'failed', reason: 'disk full' })
    stage.executor.scale = scale
    await stage.window({ busy: 1 })
    expect(stage.wanted).toBe(3)
  })

  it('raises events once for each stretch, and patterns of other rules hear them', async () => {
    const alarm = modelRule({ name: 'alarm', then: [{ kind: 'raise', event: 'web.busy', data: { level: 2 } }] })
    const stage = new Stage([alarm])
    await stage.engine()
    for (const busy of [1, 1, 0, 1]) await stage.window({ busy })
    expect(stage.executor.raised.map(({ event, data }) => [event, data])).toEqual([
      ['web.busy', { level: 2 }],
      ['web.busy', { level: 2 }],
    ])
  })

  it('judges patterns of events; what may have been missed is unknown', async () => {
    const pattern = { sequence: [{ kind: 'queue.full', where: { queue: 'orders' } }], withinMs: 30_000, count: 2 }
    const rule = modelRule({ when: { kind: 'events', pattern } })
    const stage = new Stage([rule])
    const { engine, events } = await stage.engine()
    const full = (id: string): unknown =>
      events.say({ tenant: 'main', id, kind: 'queue.full', application: 'shop', fields: { queue: 'orders' } })
    await stage.window({})
    expect(engine.applications.get('shop')?.last.get('grow')?.verdict).toBe('unknown')
    full('1')
    full('2')
    await stage.window({})
    expect(stage.wanted).toBe(3)
    for (let i = 0; i < 3; i++) await stage.window({})
    expect([stage.wanted, engine.applications.get('shop')?.last.get('grow')?.verdict]).toEqual([4, 'condition'])
  })
})
