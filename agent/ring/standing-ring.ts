/**
 * The ring of an agent for as long as it runs. Positions and copies belong to a store and a folder: when the store has begun anew
 * under another id, or the shared folder was taken away, all that was agreed with the others is void, and the ring is begun anew too,
 * in a new session, so that they know.
 */
import { messageOf } from '#protocol/errors.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import type { Ring } from './ring.ts'

export interface StandingRingDeps {
  /** Opens the ring on the disk as it is now. */
  readonly open: () => Promise<Ring>
  /** Takes a new session, and is born again. */
  readonly renewSession: () => void
  readonly clock: Clock
  readonly logger: Logger
}

/** Between two looks at the disk, ms. */
const lookMs = 2000

export class StandingRing implements AsyncDisposable {
  readonly #deps: StandingRingDeps
  readonly #stop = new AbortController()
  readonly #watching: Promise<void>
  #current: Ring

  private constructor(deps: StandingRingDeps, first: Ring) {
    this.#deps = deps
    this.#current = first
    this.#watching = this.#watch()
  }

  /** Throws what `open` throws. */
  static async open(deps: StandingRingDeps): Promise<StandingRing> {
    return new StandingRing(deps, await deps.open())
  }

  /** The present one; while there is none, the last. */
  get current(): Ring {
    return this.#current
  }

  /** Closes the present ring. Idempotent. */
  async close(): Promise<void> {
    this.#stop.abort()
    await this.#watching
    await this.#current.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #watch(): Promise<void> {
    const { clock, logger } = this.#deps
    for (;;) {
      await clock.sleep(lookMs, this.#stop.signal).catch(() => {})
      if (this.#stop.signal.aborted) return
      try {
        if (!(await this.#current.isInPlace())) await this.#beginAnew()
      } catch (error) {
        logger.warn({ error: messageOf(error) }, 'ring_waits_for_disk')
      }
    }
  }

  async #beginAnew(): Promise<void> {
    const { open, renewSession, logger } = this.#deps
    logger.warn({}, 'ring_begun_anew')
    await this.#current.close()
    this.#current = await open()
    renewSession()
  }
}
