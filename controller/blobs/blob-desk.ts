/** Gives agents the pieces of blobs that they ask for, a few at a time and not faster than lets everything else through. */
import type { Bus, BusMessage } from '#broker/bus.ts'
import { encodeBlobChunk, encodeBlobRefusal } from '#protocol/blobs/blob-answer.ts'
import { type BlobAsk, parseBlobAsk } from '#protocol/blobs/blob-ask.ts'
import { asksAtOnceMax, blobIdPrefix, chunkBytesMax } from '#protocol/blobs/blob-format.ts'
import { isLanistaError, LanistaError, messageOf } from '#protocol/errors.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { OnceAMinute } from '#protocol/runtime/once-a-minute.ts'
import {
  type Address,
  buildSubject,
  controllerHost,
  hostIdOf,
  isAgentAddress,
  parseSubject,
} from '#protocol/subjects/subject.ts'
import type { BlobStore } from './blob-store.ts'

export interface BlobDeskDeps {
  readonly bus: Pick<Bus, 'publish' | 'subscribe'>
  readonly store: Pick<BlobStore, 'find' | 'read'>
  readonly clock: Clock
  readonly logger: Logger
}

export interface BlobDeskOptions {
  /** To all agents together. Default 32 MiB. */
  readonly bytesPerSecondMax?: number | undefined
}

/** Since the start. */
export interface BlobDeskCounters {
  readonly sent: number
  readonly bytes: number
  readonly refused: number
  /** Asks that found too many before them, and answers that the bus did not take: agents ask again. */
  readonly dropped: number
}

interface Asked {
  readonly address: Address
  readonly id: string
  readonly ask: BlobAsk
}

/** Asks that wait; one more is dropped. At the rate below the last of them is answered before it is asked again. */
const waitingMax = 1024
/** Of one host: those that are open there, and as many that it has asked again. */
const waitingOfHostMax: number = 2 * asksAtOnceMax
const bytesPerSecondDefault: number = 32 * 2 ** 20
/** A pause shorter than this is not worth a timer, ms. */
const pauseMsMin = 5

export class BlobDesk implements AsyncDisposable {
  readonly #deps: BlobDeskDeps
  readonly #bytesPerMs: number
  readonly #waiting: Asked[] = []
  readonly #ofHost = new Map<string, number>()
  readonly #stop = new AbortController()
  readonly #quiet: OnceAMinute
  readonly #counters = { sent: 0, bytes: 0, refused: 0, dropped: 0 }
  readonly #unsubscribe: () => void
  #pump: Promise<void> | undefined
  /** Monotonic ms before which nothing more is sent. */
  #freeAtMs = 0

  constructor(deps: BlobDeskDeps, { bytesPerSecondMax }: BlobDeskOptions = {}) {
    this.#deps = deps
    this.#bytesPerMs = (bytesPerSecondMax ?? bytesPerSecondDefault) / 1000
    this.#quiet = new OnceAMinute(deps.clock)
    const asks = deps.bus.subscribe(`lanista.*.*.*.reply.${controllerHost}.>`, (message) => this.#hear(message))
    this.#unsubscribe = () => asks.close()
  }

  get counters(): BlobDeskCounters {
    return this.#counters
  }

  /** Answers no more. Idempotent. */
  async close(): Promise<void> {
    this.#unsubscribe()
    this.#stop.abort()
    this.#waiting.length = 0
    await this.#pump
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** What orders and queries are answered comes on the same subjects, under other ids; an empty body says that the agent is gone. */
  #hear({ subject, body }: BusMessage): void {
    const id = subject.slice(subject.lastIndexOf('.') + 1)
    if (!id.startsWith(blobIdPrefix) || body.length === 0) return
    const { address } = parseSubject(subject)
    if (!isAgentAddress(address)) return
    try {
      this.#take({ address, id, ask: parseBlobAsk(body) })
    } catch (error) {
      if (!isLanistaError(error, 'MESSAGE_INVALID')) throw error
      this.#counters.refused++
      this.#quiet.pass(hostIdOf(address), (suppressed) =>
        this.#deps.logger.warn({ host: hostIdOf(address), suppressed, error: error.message }, 'blob_ask_malformed'),
      )
    }
  }

  #take(asked: Asked): void {
    const host = hostIdOf(asked.address)
    const ofHost = this.#ofHost.get(host) ?? 0
    if (this.#waiting.length >= waitingMax || ofHost >= waitingOfHostMax) {
      this.#counters.dropped++
      return
    }
    this.#ofHost.set(host, ofHost + 1)
    this.#waiting.push(asked)
    this.#pump ??= this.#answerAll()
  }

  async #answerAll(): Promise<void> {
    for (let asked = this.#waiting.shift(); asked; asked = this.#waiting.shift()) {
      this.#forget(hostIdOf(asked.address))
      if (!(await this.#pause())) return
      this.#send(asked, await this.#answerOf(asked))
    }
    this.#pump = undefined
  }

  #forget(host: string): void {
    const left = (this.#ofHost.get(host) ?? 1) - 1
    if (left > 0) this.#ofHost.set(host, left)
    else this.#ofHost.delete(host)
  }

  /** False when it is closed. */
  async #pause(): Promise<boolean> {
    const { clock } = this.#deps
    const { signal } = this.#stop
    const pauseMs = this.#freeAtMs - clock.monotonic()
    if (pauseMs >= pauseMsMin) await clock.sleep(pauseMs, signal).catch(() => {})
    return !signal.aborted
  }

  /** Whose blobs they are is said by the subject alone, which the broker has checked. */
  async #answerOf({ address, ask: { sha256, from, bytes } }: Asked): Promise<Uint8Array> {
    const { store } = this.#deps
    try {
      const total = store.find(address.tenant, sha256)?.bytes ?? 0
      const piece = await store.read(address.tenant, sha256, from, Math.min(bytes, chunkBytesMax))
      return encodeBlobChunk({ from: Math.min(from, total), total, bytes: piece })
    } catch (error) {
      this.#counters.refused++
      const code = isLanistaError(error) ? error.code : 'BLOB_UNREADABLE'
      this.#quiet.pass(`${hostIdOf(address)} ${code}`, (suppressed) =>
        this.#deps.logger.warn({ host: hostIdOf(address), suppressed, error: messageOf(error) }, 'blob_refused'),
      )
      // what stands on our disk, and where, is no concern of a host
      return encodeBlobRefusal(new LanistaError(code, `upload it again: found no blob ${sha256} that can be sent`))
    }
  }

  #send({ address, id }: Asked, answer: Uint8Array): void {
    const { bus, clock, logger } = this.#deps
    if (this.#stop.signal.aborted) return
    this.#freeAtMs = Math.max(this.#freeAtMs, clock.monotonic()) + answer.length / this.#bytesPerMs
    try {
      bus.publish(buildSubject(address, 'control', 'blob', id), answer)
      this.#counters.sent++
      this.#counters.bytes += answer.length
    } catch (error) {
      this.#counters.dropped++
      logger.debug({ host: hostIdOf(address), error: messageOf(error) }, 'blob_unsent')
    }
  }
}
