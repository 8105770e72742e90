import { describe, expect, it } from 'vitest'
import type { BusState } from '#broker/bus.ts'
import type { KnownHost } from '#controller/presence/presence-service.ts'
import { MemoryRegistryStore } from '#controller/registry/memory-registry-store.ts'
import { type MonitorSet, parseMonitorSetPart } from '#protocol/messages/monitor-set.ts'
import type { MonitorContext } from '#protocol/monitors/model.ts'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { hostIdOf, parseSubject } from '#protocol/subjects/subject.ts'
import { contextOf, knownHost, startMs } from './clouds-stage.ts'
import { Distribution } from './distribution.ts'
import { SetGeneration } from './set-generation.ts'

const queue = { of: 'queue', function: 'last', window: '1m' }
const heartbeatIntervalMs = 5_000

class Stage implements AsyncDisposable {
  readonly clock: FakeClock = new FakeClock(startMs)
  readonly hosts: Map<string, KnownHost> = new Map()
  readonly sent: (readonly [host: string, set: MonitorSet])[] = []
  readonly rows: Map<string, string>
  contexts: readonly MonitorContext[] = []
  selectors: readonly string[] = []
  state: BusState = 'up'
  generation!: SetGeneration
  distribution!: Distribution

  constructor(rows = new Map<string, string>()) {
    this.rows = rows
  }

  async open(): Promise<this> {
    const registry = new MemoryRegistryStore(this.rows)
    this.generation = await SetGeneration.open('main', { registry, clock: this.clock })
    const stateOf = (): BusState => this.state
    this.distribution = new Distribution(
      { tenant: 'main', heartbeatIntervalMs },
      {
        bus: {
          get state() {
            return stateOf()
          },
          publish: (subject, body) => {
            this.sent.push([hostIdOf(parseSubject(subject).address), parseMonitorSetPart(body).part])
          },
        },
        clock: this.clock,
        logger: silentLogger,
        hosts: () => this.hosts.values(),
        generation: this.generation,
        set: () => ({
          contexts: this.contexts,
          selection: this.selectors,
          uplinkOf: ({ host }) => this.selectors.map((selector) => `${selector};host=${host}`),
        }),
      },
    )
    await this.clock.advance(0)
    return this
  }

  /** A host beats; `generation` = the set it says it has. */
  beat(id: string, generation: number | undefined, state: 'online' | 'offline' = 'online'): void {
    const known = knownHost(id, state)
    const { session } = known.presence
    known.record.heartbeat = { session, nowMs: 0, load: 0, lagSamples: 0, dropped: 0, generation }
    this.hosts.set(id, known)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.distribution.close()
  }
}

describe('the set of monitors', () => {
  it('is sent to whoever says another, until they say it', async () => {
    await using stage = await new Stage().open()
    stage.beat('main.east.a', 0)
    stage.beat('main.east.old', undefined)
    stage.beat('main.east.dead', 0, 'offline')
    stage.beat('other.east.a', 0)
    await stage.clock.advance(1_000)
    expect(stage.sent).toEqual([])

    stage.contexts = [contextOf({ queue })]
    stage.selectors = ['cpu.*']
    stage.distribution.renew()
    await stage.clock.advance(1_000)
    const { current } = stage.generation
    expect(current).toBeGreaterThanOrEqual(startMs / 1_000)
    expect(stage.sent).toEqual([
      [
        'main.east.a',
        expect.objectContaining({ generation: current, contexts: stage.contexts, uplink: ['cpu.*;host=a'] }),
      ],
    ])
    await stage.clock.advance(2 * heartbeatIntervalMs + 4_000)
    expect(stage.sent).toHaveLength(2)
    stage.beat('main.east.a', current)
    await stage.clock.advance(60_000)
    expect(stage.sent).toHaveLength(2)
  })

  it('does not reach a whole fleet in one moment', async () => {
    await using stage = await new Stage().open()
    for (let i = 0; i < 2_000; i++) stage.beat(`main.east.h${i}`, 0)
    stage.contexts = [contextOf({ queue })]
    stage.distribution.renew()
    let before = 0
    for (let i = 0; i < 40; i++) {
      await stage.clock.advance(250)
      expect(stage.sent.length - before).toBeLessThanOrEqual(50)
      before = stage.sent.length
    }
    expect(new Set(stage.sent.map(([host]) => host)).size).toBeGreaterThan(1_900)
  })

  it('keeps its number over a restart that changes nothing, and while nothing can be sent', async () => {
    const rows = new Map<string, string>()
    const open = async (): Promise<Stage> => {
      const stage = new Stage(rows)
      stage.contexts = [contextOf({ queue })]
      return await stage.open()
    }
    let generation: number
    {
      await using stage = await open()
      await stage.clock.advance(1_000)
      generation = stage.generation.current
      stage.state = 'down'
      stage.beat('main.east.a', 0)
      await stage.clock.advance(1_000)
      expect(stage.sent).toEqual([])
    }
    await using again = await open()
    again.beat('main.east.a', generation)
    await again.clock.advance(30_000)
    expect(again.generation.current).toBe(generation)
    expect(again.sent).toEqual([])
    again.contexts = []
    again.distribution.renew()
    await again.clock.advance(1_000)
    expect(again.generation.current).toBeGreaterThan(generation)
    expect(again.sent.map(([, { contexts }]) => contexts)).toEqual([[]])
  })
})
