import { mkdir } from 'node:fs/promises'
import { messageOf } from '#protocol/errors.ts'
import { backoffCeilingMs } from '#protocol/runtime/backoff.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { canWrite, diskSpace } from './disk.ts'
import { reasonOf } from './level.ts'
import type { DropReason } from './store.ts'

export interface FaultDeps {
  readonly clock: Clock
  readonly logger: Logger
  /** Closes and opens every database, empty where its folder was lost. */
  reopen(): Promise<void>
  /** Writing has become impossible. */
  onFault(): void
  /** Writing works again. */
  onRecovered(): void
}

/** What the store does while it cannot write: says why, tries again with growing waits, comes back by itself. */
export class WriteFault {
  readonly #folder: string
  readonly #freeBytesMin: number
  readonly #deps: FaultDeps
  readonly #closing = new AbortController()
  #reason: DropReason | undefined
  #cause = ''
  #recovery: Promise<void> | undefined

  constructor(folder: string, freeBytesMin: number, deps: FaultDeps) {
    this.#folder = folder
    this.#freeBytesMin = freeBytesMin
    this.#deps = deps
  }

  /** Why samples are dropped at the moment; undefined while all is well. */
  get reason(): DropReason | undefined {
    return this.#reason
  }

  get cause(): string {
    return this.#cause
  }

  /** A write failed. */
  enter(error: unknown): void {
    const cause = reasonOf(error)
    this.#enter(/no space|ENOSPC|quota|EDQUOT/i.test(cause) ? 'disk_full' : 'write_failed', cause)
  }

  /** Stops writing before the disk is full. */
  async checkRoom(): Promise<void> {
    if (await this.#hasRoom()) return
    this.#enter('disk_full', `less than ${this.#freeBytesMin} bytes are free`)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#recovery
  }

  #enter(reason: DropReason, cause: string): void {
    if (this.#reason !== undefined || this.#closing.signal.aborted) return
    this.#reason = reason
    this.#cause = cause
    this.#deps.logger.error({ reason, cause, folder: this.#folder }, 'store_faulted')
    this.#deps.onFault()
    this.#recovery = this.#recover()
  }

  async #recover(): Promise<void> {
    const { clock, logger } = this.#deps
    for (let attempt = 0; ; attempt++) {
      try {
        await clock.sleep(backoffCeilingMs(attempt), this.#closing.signal)
      } catch {
        return
      }
      try {
        await mkdir(this.#folder, { recursive: true, mode: 0o700 })
        if (!(await this.#hasRoom()) || !(await canWrite(this.#folder))) continue
        await this.#deps.reopen()
        break
      } catch (error) {
        logger.warn({ error: messageOf(error) }, 'store_recovery_failed')
      }
    }
    this.#reason = undefined
    this.#cause = ''
    logger.info({ folder: this.#folder }, 'store_recovered')
    this.#deps.onRecovered()
  }

  async #hasRoom(): Promise<boolean> {
    return (await diskSpace(this.#folder)).freeBytes >= this.#freeBytesMin
  }
}
