/** A subscription service on a memory registry, with a bus that notes what is said: for tests. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { OwnEvent } from '#controller/events/event-service.ts'
import { MemoryRegistryStore } from '#controller/registry/memory-registry-store.ts'
import { WindowSeries } from '#controller/window/window-series.ts'
import { LanistaError } from '#protocol/errors.ts'
import { parseCanonical } from '#protocol/metrics/series.ts'
import { type Clock, systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { parseHostId } from '#protocol/subjects/subject.ts'
import { requireSubscription } from './parse.ts'
import { type Put, SubscriptionService } from './subscription-service.ts'

export class SubscriptionStage implements AsyncDisposable {
  readonly folder: string
  readonly clock: Clock
  /** What stands for the registry's disk. */
  readonly rows: Map<string, string> = new Map()
  /** Subjects and bodies that were published. */
  readonly said: (readonly [subject: string, body: unknown])[] = []
  /** What it had to say itself. */
  readonly events: OwnEvent[] = []
  isBusUp = true
  service: SubscriptionService
  readonly #series = new Map<string, WindowSeries>()

  private constructor(folder: string, clock: Clock, service: SubscriptionService) {
    this.folder = folder
    this.clock = clock
    this.service = service
  }

  static async open(clock: Clock = systemClock): Promise<SubscriptionStage> {
    const folder = await mkdtemp(join(tmpdir(), 'lanista-subscriptions-'))
    const stage: SubscriptionStage = new SubscriptionStage(folder, clock, undefined as unknown as SubscriptionService)
    stage.service = await stage.#start(7)
    return stage
  }

  get secretsPath(): string {
    return join(this.folder, 'secrets.json')
  }

  /** Makes one subscription of the tenant `main`. */
  put(name: string, form: object): Promise<Put> {
    return this.service.put('main', requireSubscription(name, form))
  }

  /** A sample of the host `T.C.H`, as the ingest hands it over. */
  hear(series: string, value: number, timestampMs: number, host = 'main.home.h1'): void {
    this.service.hear(this.#seriesOf(series, host), timestampMs, value)
  }

  /** Closes it and starts another on what is on disk. */
  async restart(session = 8): Promise<void> {
    await this.service.close()
    this.service = await this.#start(session)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.service.close()
    await rm(this.folder, { recursive: true, force: true })
  }

  async #start(session: number): Promise<SubscriptionService> {
    const service = await SubscriptionService.open(
      { session, secretsPath: this.secretsPath },
      {
        registry: new MemoryRegistryStore(this.rows),
        bus: { publish: (subject, body) => this.#publish(subject, body) },
        clock: this.clock,
        logger: silentLogger,
      },
    )
    service.onAlarm((event) => this.events.push(event))
    return service
  }

  #publish(subject: string, body: Uint8Array): void {
    if (!this.isBusUp) throw new LanistaError('NOT_UP', 'wait for the bus: found it down, expected up')
    this.said.push([subject, JSON.parse(Buffer.from(body).toString())])
  }

  #seriesOf(text: string, host: string): WindowSeries {
    const key = `${host} ${text}`
    const series = this.#series.get(key) ?? new WindowSeries(parseHostId(host), text, parseCanonical(text), undefined)
    this.#series.set(key, series)
    return series
  }
}
