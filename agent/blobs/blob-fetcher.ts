/**
 * Brings blobs that the controller keeps to this host: piece by piece, a few asked for at once and so many bytes a second, so that samples and
 * orders go on beside them. What is lost on the way is asked for again, over any number of connections and starts; an end without the blob
 * comes by refusal, by the disk, or when nobody wants it any more.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Bus, BusMessage } from '#broker/bus.ts'
import { parseBlobAnswer } from '#protocol/blobs/blob-answer.ts'
import { encodeBlobAsk, newBlobAskId } from '#protocol/blobs/blob-ask.ts'
import { sha256Pattern } from '#protocol/blobs/blob-format.ts'
import { isLanistaError, LanistaError, messageOf } from '#protocol/errors.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { makeFolder } from '#protocol/runtime/data-folder.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { Turns } from '#protocol/runtime/turns.ts'
import { unlessAborted } from '#protocol/runtime/unless-aborted.ts'
import { type Address, buildSubject, controllerHost, prefixOf } from '#protocol/subjects/subject.ts'
import { Arrivals } from './arrivals.ts'
import { hasDigest, PartFile, sweepParts } from './part-file.ts'

export interface BlobFetcherOptions {
  readonly address: Address
  /** Of all fetches together. Default 8 MiB. */
  readonly bytesPerSecondMax?: number | undefined
}

export interface BlobFetcherDeps {
  readonly bus: Pick<Bus, 'publish' | 'subscribe' | 'states'>
  readonly clock: Clock
  readonly logger: Logger
}

/** Since the start. */
export interface BlobCounters {
  readonly fetched: number
  readonly bytes: number
  readonly failed: number
}

/** One fetch, whoever wants it. */
interface Shared {
  readonly stop: AbortController
  readonly path: Promise<string>
  askers: number
}

/** How one try ended. */
interface Pulled {
  readonly bytes: number
  /** Bytes that an earlier try had got. */
  readonly resumedAt: number
  readonly error?: unknown
}

/** Blobs fetched at once; others wait for their turn. */
const fetchesAtOnceMax = 2
/** Those that wait; one more is refused with BUSY. */
const fetchesWaitingMax = 256
const bytesPerSecondDefault: number = 8 * 2 ** 20
/** A pause shorter than this is not worth a timer, ms. */
const pauseMsMin = 5

export class BlobFetcher implements AsyncDisposable {
  readonly #options: BlobFetcherOptions
  readonly #deps: BlobFetcherDeps
  /** By path. */
  readonly #shared = new Map<string, Shared>()
  /** The last fetch of each path, until it is over. */
  readonly #ending = new Map<string, Promise<unknown>>()
  /** By id of the fetch. */
  readonly #arrivals = new Map<string, Arrivals>()
  readonly #turns = new Turns({ atOnceMax: fetchesAtOnceMax, waitingMax: fetchesWaitingMax })
  readonly #bytesPerMs: number
  readonly #closing = new AbortController()
  readonly #counters = { fetched: 0, bytes: 0, failed: 0 }
  readonly #unsubscribe: () => void
  readonly #following: Promise<void>
  #freeAtMs = 0

  constructor(options: BlobFetcherOptions, deps: BlobFetcherDeps) {
    this.#options = options
    this.#deps = deps
    this.#bytesPerMs = (options.bytesPerSecondMax ?? bytesPerSecondDefault) / 1000
    const answers = deps.bus.subscribe(`${prefixOf(options.address)}.control.blob.>`, (message) => this.#hear(message))
    this.#unsubscribe = () => answers.close()
    this.#following = this.#follow()
  }

  get counters(): BlobCounters {
    return this.#counters
  }

  /**
   * Brings a blob into the folder, where it then is `<folder>/<sha256>`; at once when it is there already. It takes as long as it takes, while the
   * controller is away too: the signal ends it. Whoever asks for the same meanwhile shares it.
   * @returns the path of the file, whole, its digest checked, on the disk
   * @throws LanistaError BLOB_UNKNOWN, BLOB_UNREADABLE (the controller has none for this tenant, `data.refused`), BLOB_DAMAGED, DISK_FULL, BUSY,
   * CLOSED, the signal's reason, what else the file system throws
   */
  async fetchBlob(sha256: string, folder: string, signal: AbortSignal): Promise<string> {
    signal.throwIfAborted()
    if (!sha256Pattern.test(sha256)) {
      throw new LanistaError('BLOB_UNKNOWN', `name another blob: found ${sha256.slice(0, 80)}, expected a SHA-256`)
    }
    const key = join(folder, sha256)
    const shared = this.#shared.get(key) ?? this.#begin(sha256, folder, key)
    shared.askers++
    try {
      return await unlessAborted(shared.path, signal)
    } finally {
      shared.askers--
      if (shared.askers === 0) this.#giveUp(key, shared)
    }
  }

  /** Ends what is under way; what has come of it stays for the next start. Idempotent. */
  async close(): Promise<void> {
    this.#unsubscribe()
    this.#closing.abort(new LanistaError('CLOSED', 'fetch it at the next start: the agent is stopping'))
    await Promise.allSettled([...this.#ending.values(), this.#following])
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #begin(sha256: string, folder: string, key: string): Shared {
    const stop = new AbortController()
    const signal = AbortSignal.any([stop.signal, this.#closing.signal])
    const before = this.#ending.get(key)
    const work = async (): Promise<string> => {
      await before?.catch(() => {})
      return await this.#turns.run(() => this.#bring(sha256, folder, signal), signal)
    }
    const path = work()
    const shared: Shared = { stop, path, askers: 0 }
    this.#shared.set(key, shared)
    this.#ending.set(key, path)
    const over = (): void => {
      if (this.#shared.get(key) === shared) this.#shared.delete(key)
      if (this.#ending.get(key) === path) this.#ending.delete(key)
    }
    path.then(over, over)
    return shared
  }

  /** Nobody wants it any more; who asks from now on begins another, after this one. */
  #giveUp(key: string, shared: Shared): void {
    if (this.#shared.get(key) === shared) this.#shared.delete(key)
    shared.stop.abort(new LanistaError('CLOSED', 'fetch it again: nobody waited for it'))
  }

  async #bring(sha256: string, folder: string, signal: AbortSignal): Promise<string> {
    const { clock, logger } = this.#deps
    const path = join(folder, sha256)
    await makeFolder(folder)
    const isThere = await hasDigest(path, sha256, signal)
    if (isThere) return path
    if (isThere === false) await rm(path, { force: true })
    await sweepParts(folder, clock.now(), (target) => this.#ending.has(target))
    const beganMs = clock.monotonic()
    try {
      const { bytes, resumedAt } = await this.#pullTwice(path, sha256, signal)
      this.#counters.fetched++
      logger.info({ sha256, bytes, resumedAt, durationMs: Math.round(clock.monotonic() - beganMs) }, 'blob_fetched')
      return path
    } catch (error) {
      signal.throwIfAborted()
      this.#counters.failed++
      logger.warn({ sha256, error: messageOf(error) }, 'blob_not_fetched')
      throw error
    }
  }

  /** What an earlier try left may be at fault: then once more, from nothing. */
  async #pullTwice(path: string, sha256: string, signal: AbortSignal): Promise<Pulled> {
    const first = await this.#pull(path, sha256, signal)
    if (!first.error) return first
    const isOurs = isLanistaError(first.error, 'BLOB_DAMAGED') || isLanistaError(first.error, 'BLOB_INVALID')
    if (first.resumedAt === 0 || !isOurs) throw first.error
    const second = await this.#pull(path, sha256, signal)
    if (second.error) throw second.error
    return second
  }

  async #pull(path: string, sha256: string, signal: AbortSignal): Promise<Pulled> {
    await using part = await PartFile.open(path, signal)
    const resumedAt = part.bytes
    try {
      await this.#fill(part, sha256, signal)
      await part.finish(sha256)
      return { bytes: part.bytes, resumedAt }
    } catch (error) {
      if (!signal.aborted) await part.remove()
      return { bytes: part.bytes, resumedAt, error }
    }
  }

  async #fill(part: PartFile, sha256: string, signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps
    const id = newBlobAskId()
    const arrivals = new Arrivals(part.bytes, clock)
    this.#arrivals.set(id, arrivals)
    let isRoomKnown = false
    try {
      for (;;) {
        const { total } = arrivals.window
        if (!isRoomKnown && total !== undefined) await part.expectRoom(total)
        isRoomKnown = total !== undefined
        for (const bytes of arrivals.take()) await this.#append(part, bytes)
        if (arrivals.isOver) return
        await this.#pause(signal)
        for (const ask of arrivals.window.due(clock.monotonic())) this.#ask(id, { sha256, ...ask })
        await arrivals.next(signal)
      }
    } finally {
      this.#arrivals.delete(id)
    }
  }

  async #append(part: PartFile, bytes: Uint8Array): Promise<void> {
    await part.append(bytes)
    this.#counters.bytes += bytes.length
    this.#freeAtMs = Math.max(this.#freeAtMs, this.#deps.clock.monotonic()) + bytes.length / this.#bytesPerMs
  }

  async #pause(signal: AbortSignal): Promise<void> {
    const pauseMs = this.#freeAtMs - this.#deps.clock.monotonic()
    if (pauseMs >= pauseMsMin) await this.#deps.clock.sleep(pauseMs, signal)
  }

  /** What cannot be sent now is asked for again. */
  #ask(id: string, ask: Parameters<typeof encodeBlobAsk>[0]): void {
    const subject = buildSubject(this.#options.address, 'reply', controllerHost, id)
    try {
      this.#deps.bus.publish(subject, encodeBlobAsk(ask))
    } catch (error) {
      this.#deps.logger.debug({ subject, error: messageOf(error) }, 'blob_ask_unsent')
    }
  }

  #hear({ subject, body }: BusMessage): void {
    const arrivals = this.#arrivals.get(subject.slice(subject.lastIndexOf('.') + 1))
    if (!arrivals) return
    try {
      arrivals.accept(parseBlobAnswer(body))
    } catch (error) {
      arrivals.fail(error)
    }
  }

  async #follow(): Promise<void> {
    for await (const { state } of this.#deps.bus.states(this.#closing.signal)) {
      if (state === 'up') for (const arrivals of this.#arrivals.values()) arrivals.askAgain()
    }
  }
}
