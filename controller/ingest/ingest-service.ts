/**
 * The shell of ingest: hears samples, hands them to the window, and acknowledges a range only after the registry has it. So a
 * controller that is killed asks again for what it forgot and takes nothing twice. Acknowledgements are gathered for a moment:
 * one write of the registry serves all hosts.
 */
import type { Bus, BusMessage } from '#broker/bus.ts'
import { every } from '#controller/every.ts'
import type { RegistryChange, RegistryStore } from '#controller/registry/registry-store.ts'
import { isLanistaError, messageOf } from '#protocol/errors.ts'
import type { SamplesAck } from '#protocol/messages/control.ts'
import { encodeJson } from '#protocol/messages/json.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { OnceAMinute } from '#protocol/runtime/once-a-minute.ts'
import { decodeSamples } from '#protocol/samples/decoder.ts'
import type { SamplesMessage } from '#protocol/samples/format.ts'
import {
  type Address,
  buildSubject,
  hostIdOf,
  isAgentAddress,
  parseHostId,
  parseSubject,
} from '#protocol/subjects/subject.ts'
import { HostIngest } from './host-ingest.ts'
import { type IngestCounters, type IngestLimits, newIngestCounters } from './ingest-limits.ts'
import type { IngestShared, IngestTarget } from './store-ingest.ts'

export interface IngestServiceOptions {
  readonly limits: IngestLimits
  /** A host silent for this long, ms, is forgotten with its row. */
  readonly hostRetentionMs: number
  /** How long acknowledgements are gathered, ms. Default 50. */
  readonly ackDelayMs?: number | undefined
  /** Ranges of one host that end the gathering early. Default 64. */
  readonly ackRangesMax?: number | undefined
}

export interface IngestServiceDeps<S> {
  readonly bus: Bus
  readonly registry: RegistryStore
  readonly clock: Clock
  readonly logger: Logger
  /** Where the samples of a host go. */
  readonly targetOf: (host: Address) => IngestTarget<S>
}

interface HostEntry<S> {
  readonly address: Address
  readonly key: string
  readonly ingest: HostIngest<S>
  /** Samples ingested since the start, the same at the last look, and a second between the two. */
  samples: number
  samplesBefore: number
  samplesPerSecond: number
}

const rowPrefix = 'ingest!'
/** How often the rate of each host is measured anew, ms. */
const rateIntervalMs = 10_000
/** A store silent for this long gives its names back. */
const idleMs = 3_600_000

export class IngestService<S> {
  readonly counters: Readonly<IngestCounters>
  readonly #shared: IngestShared
  readonly #deps: IngestServiceDeps<S>
  readonly #hostRetentionMs: number
  readonly #ackDelayMs: number
  readonly #ackRangesMax: number
  readonly #logged: OnceAMinute
  readonly #hosts = new Map<string, HostEntry<S>>()
  /** Hosts with something to acknowledge. */
  readonly #waiting = new Set<HostEntry<S>>()
  /** Rows to remove with the next write. */
  #forgotten: RegistryChange[] = []
  #cancelTimer: (() => void) | undefined
  #flushing: Promise<void> | undefined
  #acks = 0
  #stop: () => void = () => {}

  private constructor(options: IngestServiceOptions, deps: IngestServiceDeps<S>) {
    this.#shared = { limits: options.limits, counters: newIngestCounters() }
    this.counters = this.#shared.counters
    this.#deps = deps
    this.#hostRetentionMs = options.hostRetentionMs
    this.#ackDelayMs = options.ackDelayMs ?? 50
    this.#ackRangesMax = options.ackRangesMax ?? 64
    this.#logged = new OnceAMinute(deps.clock)
  }

  /** Reads what was acknowledged before, then listens. */
  static async open<S>(options: IngestServiceOptions, deps: IngestServiceDeps<S>): Promise<IngestService<S>> {
    const service = new IngestService(options, deps)
    for await (const { key, value } of deps.registry.list(rowPrefix)) {
      service.#addHost(parseHostId(key.slice(rowPrefix.length)), key)?.ingest.restore(value)
    }
    const subscription = deps.bus.subscribe('lanista.*.*.*.samples', (message) => service.#hear(message))
    const stopSweep = every(deps.clock, 60_000, () => service.#releaseIdle())
    const stopRates = every(deps.clock, rateIntervalMs, () => service.#measureRates())
    service.#stop = () => {
      subscription.close()
      stopSweep()
      stopRates()
    }
    return service
  }

  /** Samples of a host `T.C.H` ingested a second, over the last whole ten seconds. */
  samplesPerSecond(host: string): number {
    return this.#hosts.get(host)?.samplesPerSecond ?? 0
  }

  /** How many stores a host `T.C.H` has had, as far as they are known. */
  storeCount(host: string): number {
    return this.#hosts.get(host)?.ingest.storeCount ?? 0
  }

  /** Stops listening, writes what was ingested, acknowledges it if the bus is still up. Idempotent. */
  async close(): Promise<void> {
    this.#stop()
    await this.#flushing
    this.#disarm()
    await this.#writeAndAcknowledge()
  }

  #hear({ subject, body }: BusMessage): void {
    const { address } = parseSubject(subject)
    if (!isAgentAddress(address)) {
      this.#shared.counters.noAgent++
      return
    }
    const message = this.#decode(address, body)
    const entry = message && this.#entryOf(address)
    if (!message || !entry) return
    const before = this.counters.samples
    entry.ingest.take(message, this.#deps.clock.now())
    entry.samples += this.counters.samples - before
    this.#waiting.add(entry)
    if (entry.ingest.pendingRanges >= this.#ackRangesMax) this.#flushNow()
    else this.#arm()
  }

  #decode(address: Address, body: Uint8Array): SamplesMessage | undefined {
    try {
      return decodeSamples(body)
    } catch (error) {
      this.#shared.counters.undecodable++
      this.#warn(address, 'samples_undecodable', error)
      return undefined
    }
  }

  #entryOf(address: Address): HostEntry<S> | undefined {
    const id = hostIdOf(address)
    return this.#hosts.get(id) ?? this.#addHost(address, rowPrefix + id)
  }

  #addHost(address: Address, key: string): HostEntry<S> | undefined {
    if (this.#hosts.size >= this.#shared.limits.hostsMax) {
      this.#shared.counters.hostsLimit++
      this.#warn(address, 'ingest_hosts_limit')
      return undefined
    }
    const ingest = new HostIngest(this.#shared, this.#deps.targetOf(address))
    const entry = { address, key, ingest, samples: 0, samplesBefore: 0, samplesPerSecond: 0 }
    this.#hosts.set(hostIdOf(address), entry)
    return entry
  }

  #arm(): void {
    this.#cancelTimer ??= this.#deps.clock.after(this.#ackDelayMs, () => this.#flushNow())
  }

  /** One flush at a time; what comes in meanwhile goes with the next. */
  #flushNow(): void {
    this.#disarm()
    this.#flushing ??= this.#flush()
  }

  async #flush(): Promise<void> {
    await this.#writeAndAcknowledge()
    this.#flushing = undefined
    if (this.#waiting.size > 0) this.#arm()
  }

  #disarm(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }

  async #writeAndAcknowledge(): Promise<void> {
    const entries = [...this.#waiting]
    this.#waiting.clear()
    const dirty = entries.filter((entry) => entry.ingest.isDirty)
    const forgotten = this.#forgotten.splice(0)
    const changes = [...forgotten, ...dirty.map(({ key, ingest }) => ({ key, value: ingest.row() }))]
    const acks = entries.map(({ address, ingest }) => ({ address, acks: ingest.takeAcks() }))
    try {
      if (changes.length > 0) await this.#deps.registry.write(changes)
    } catch (error) {
      for (const { ingest } of dirty) ingest.markDirty()
      this.#forgotten.push(...forgotten)
      this.#shared.counters.persistFailures++
      for (const { acks: unsent } of acks) this.#shared.counters.acksUnsent += unsent.length
      this.#logged.pass('persist', (suppressed) =>
        this.#deps.logger.error({ error: messageOf(error), suppressed }, 'ingest_not_persisted'),
      )
      return
    }
    for (const { address, acks: ready } of acks) for (const ack of ready) this.#publish(address, ack)
  }

  #publish(address: Address, ack: SamplesAck): void {
    const id = `a${(this.#acks++).toString(36)}`
    try {
      this.#deps.bus.publish(buildSubject(address, 'control', 'ack', id), encodeJson(ack))
      this.#shared.counters.acks++
    } catch (error) {
      this.#shared.counters.acksUnsent++
      if (!isLanistaError(error, 'NOT_UP')) this.#warn(address, 'ack_not_sent', error)
    }
  }

  #measureRates(): void {
    for (const entry of this.#hosts.values()) {
      entry.samplesPerSecond = ((entry.samples - entry.samplesBefore) * 1000) / rateIntervalMs
      entry.samplesBefore = entry.samples
    }
  }

  #releaseIdle(): void {
    const nowMs = this.#deps.clock.now()
    for (const [id, entry] of this.#hosts) {
      entry.ingest.releaseIdle(nowMs - idleMs)
      if (entry.ingest.usedAtMs >= nowMs - this.#hostRetentionMs) continue
      this.#hosts.delete(id)
      this.#shared.counters.hosts--
      this.#forgotten.push({ key: entry.key, remove: true })
    }
    if (this.#forgotten.length > 0) this.#arm()
  }

  #warn(address: Address, event: string, error?: unknown): void {
    const host = hostIdOf(address)
    this.#logged.pass(`${event} ${host}`, (suppressed) =>
      this.#deps.logger.warn({ host, suppressed, ...(error === undefined ? {} : { error: messageOf(error) }) }, event),
    )
  }
}
