/** Clouds that speak and a controller's part that listens, on a bus in memory with time that stands still: for tests. */
import type { Bus } from '#broker/bus.ts'
import { MemoryBroker } from '#broker/memory.ts'
import type { OwnEvent } from '#controller/events/event-service.ts'
import { newHostRecord } from '#controller/presence/host-record.ts'
import type { KnownHost } from '#controller/presence/presence-service.ts'
import { MemoryRegistryStore } from '#controller/registry/memory-registry-store.ts'
import { partialFor } from '#protocol/aggregation/partial.ts'
import { parseMergedAsk } from '#protocol/messages/merged-ask.ts'
import type { MonitorContext } from '#protocol/monitors/model.ts'
import { parseAxe } from '#protocol/monitors/parse.ts'
import { encodePartialMessage } from '#protocol/monitors/partial-message-encoder.ts'
import type { PartialMessage } from '#protocol/monitors/partial-message-format.ts'
import { planContext } from '#protocol/monitors/plan.ts'
import type { WindowName } from '#protocol/monitors/wide-core.ts'
import type { HostState } from '#protocol/presence/presence.ts'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { buildSubject, cloudHost, parseHostId } from '#protocol/subjects/subject.ts'
import { CrossCloud, type Recall } from './cross-cloud.ts'
import { NewestResults } from './newest-results.ts'
import type { WindowResults } from './result-outlet.ts'

/** A multiple of every usual `every`. */
export const startMs = 1_700_000_100_000

/** The checked form of a monitors section of the application `shop`. */
export function contextOf(monitors: Readonly<Record<string, object>>): MonitorContext {
  const parsed = parseAxe({ monitors }, { application: 'shop', components: ['web'] })
  if (parsed.issues.length > 0) throw new Error(JSON.stringify(parsed.issues))
  return { application: 'shop', monitors: parsed.monitors }
}

/** A host as presence knows it. */
export function knownHost(id: string, state: HostState = 'online'): KnownHost {
  const presence = { state, session: 7, isDead: false, isBorn: true, heardAtMs: 0, answeredAtMs: 0 }
  return { record: newHostRecord(parseHostId(id)), presence }
}

export class CloudsStage implements AsyncDisposable {
  readonly clock: FakeClock = new FakeClock(startMs)
  readonly rows: Map<string, string> = new Map()
  readonly hosts: Map<string, KnownHost> = new Map()
  readonly results: WindowResults[] = []
  readonly alarms: OwnEvent[] = []
  /** Windows that hosts were asked for, by host. */
  readonly asked: Map<string, readonly WindowName[]> = new Map()
  contexts: readonly MonitorContext[]
  wanted: number | undefined
  recall: Recall = async () => []
  readonly #broker: MemoryBroker
  readonly #buses = new Map<string, Bus>()
  readonly #open: CrossCloud[] = []

  constructor(monitors: Readonly<Record<string, object>>, hosts: Readonly<Record<string, HostState>>) {
    this.contexts = [contextOf(monitors)]
    this.#broker = new MemoryBroker({ clock: this.clock, logger: silentLogger })
    for (const [id, state] of Object.entries(hosts)) this.hosts.set(id, knownHost(id, state))
  }

  async start(session = 1): Promise<CrossCloud> {
    const registry = new MemoryRegistryStore(this.rows)
    const deps = { clock: this.clock, logger: silentLogger }
    const opened = await CrossCloud.open({ tenant: 'main', session }, this.contexts, {
      ...deps,
      bus: this.#busOf('controller'),
      hosts: () => this.hosts.values(),
      wantedOf: () => this.wanted,
      newest: new NewestResults('main', { ...deps, registry }),
      recall: (...what) => this.recall(...what),
      onResults: (window) => this.results.push(window),
      onAlarm: (event) => this.alarms.push(event),
    })
    this.#open.push(opened)
    await this.clock.advance(250)
    return opened
  }

  /** One host speaks for its cloud: the values of a monitor's only group. */
  async say(
    by: string,
    windowEndMs: number,
    values: readonly number[],
    more: Partial<PartialMessage> & { readonly monitor?: string; readonly what?: string } = {},
  ): Promise<void> {
    const { monitor = 'queue', what, ...fields } = more
    const context = this.contexts[0] as MonitorContext
    const planned = planContext(context).monitors.find((each) => each.monitor.name === monitor)
    const partial = partialFor(what ?? 'sum')
    for (const value of values) partial.add(value)
    const address = parseHostId(by)
    const message: PartialMessage = {
      hash: planned?.hash ?? '000000000000',
      windowEndMs,
      session: 7,
      by: address.host,
      revision: 0,
      counted: 1,
      wanted: 1,
      isQuiet: false,
      groups: [{ tags: {}, partial, expected: values.length }],
      ...fields,
    }
    const subject = buildSubject({ ...address, host: cloudHost }, 'merged', 'shop', monitor)
    const bus = this.#busOf(by)
    await bus.up(AbortSignal.timeout(5_000))
    bus.publish(subject, encodePartialMessage(message).body)
    await this.clock.advance(0)
  }

  /** Hosts come to the bus that have not spoken. */
  async join(...ids: readonly string[]): Promise<void> {
    for (const id of ids) await this.#busOf(id).up(AbortSignal.timeout(5_000))
  }

  /** Values of the results of a window, one publication after the other. */
  valuesAt(windowEndMs: number): readonly (number | null)[] {
    return this.results
      .filter((window) => window.windowEndMs === windowEndMs)
      .flatMap(({ results }) => results.map(({ value }) => value))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const crossCloud of this.#open) await crossCloud.close()
    for (const bus of this.#buses.values()) await bus.close()
  }

  #busOf(id: string): Bus {
    const role =
      id === 'controller' ? { kind: 'controller' as const } : { kind: 'agent' as const, address: parseHostId(id) }
    const bus = this.#buses.get(id) ?? this.#broker.connect(role)
    if (!this.#buses.has(id) && role.kind === 'agent') {
      bus.subscribe(`lanista.${id}.control.merged.>`, ({ body }) => this.asked.set(id, parseMergedAsk(body).windows))
    }
    this.#buses.set(id, bus)
    return bus
  }
}
