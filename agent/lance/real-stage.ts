/** For tests: Lance with what it runs on in earnest, its rows on the disk, and orders given to it directly. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Bus } from '#broker/bus.ts'
import { MemoryBroker } from '#broker/memory.ts'
import type { InstanceState, InstanceStatus } from '#protocol/instances/status.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { MemorySink } from '../intake/carbon/memory-sink.ts'
import type { Lance } from './lance.ts'
import type { InstancesConfig } from './lance-options.ts'
import { openLance } from './open-lance.ts'

/** Containers are named after tenant and instance: another run of a test on the same engine has other names. */
const address = { tenant: `lance-test-${process.pid}`, cloud: 'c', host: 'h' }
/** How long a state is waited for, ms: most of a test's time, as the machine may be busy. */
const stateMs = 120_000

export class RealStage {
  readonly #data: string
  readonly #config: Partial<InstancesConfig>
  readonly #broker = new MemoryBroker({ clock: systemClock, logger: silentLogger })
  #bus: Bus | undefined
  #lance: Lance | undefined

  /** @param config beside images of the tests and this machine's address */
  constructor(data: string, config: Partial<InstancesConfig>) {
    this.#data = data
    this.#config = config
  }

  /** Of all instances, as they are known now. */
  get statuses(): readonly InstanceStatus[] {
    return this.#lance?.statuses() ?? []
  }

  /** Starts it, or starts it again on the same disk. */
  async open(): Promise<void> {
    this.#bus = this.#broker.connect({ kind: 'agent', address })
    const allow = { images: ['lanista-test:*'], volumes: [] }
    this.#lance = await openLance(
      { address, data: this.#data, config: { allow, cloudAddress: '127.0.0.1', ...this.#config } },
      {
        bus: this.#bus,
        clock: systemClock,
        logger: silentLogger,
        session: () => 1,
        sink: new MemorySink(),
        blobs: { fetchBlob: async (sha256, folder) => `${folder}/${sha256}` },
      },
    )
    this.#lance.start()
  }

  async close(): Promise<void> {
    await this.#lance?.close()
    await this.#bus?.close()
  }

  /** Rejects as the order fails. */
  order(verb: string, body: unknown): Promise<unknown> {
    const context = { id: 'ord-1', key: 'k', signal: AbortSignal.timeout(stateMs), progress: () => {} }
    return this.#lance?.handler.handle(verb, body, context) ?? Promise.reject(new Error('not open'))
  }

  /** The first instance that is in this state. */
  async until(state: InstanceState, isSo: (status: InstanceStatus) => boolean = () => true): Promise<InstanceStatus> {
    for (const deadline = Date.now() + stateMs; Date.now() < deadline; await delay(25)) {
      const found = this.statuses.find((status) => status.state === state && isSo(status))
      if (found) return found
    }
    throw new Error(`found ${JSON.stringify(this.statuses)}, expected ${state}`)
  }
}
