/** Keeps the member file of one instance as it was told last, whatever else is done with the instance (seed-systems §7.6). */
import { messageOf } from '#protocol/errors.ts'
import type { Members } from '#protocol/instances/members.ts'
import { backoffMs } from '#protocol/runtime/backoff.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import type { InstanceRuntime } from './runtime/instance-runtime.ts'

/** What stands in the file: `[{id, ip, role}]`, the oldest first. */
export function memberText({ list }: Members): string {
  return `${JSON.stringify(list)}\n`
}

interface Told {
  readonly id: string
  readonly members: Members
  readonly runtime: Pick<InstanceRuntime, 'writeMembers'>
}

export class MemberList {
  readonly #deps: { readonly clock: Clock; readonly logger: Logger }
  readonly #stop = new AbortController()
  #told: Told | undefined
  #written = ''
  #writing: Promise<void> | undefined

  constructor(deps: { readonly clock: Clock; readonly logger: Logger }) {
    this.#deps = deps
  }

  /** The newest is written; undefined = there is no place to write it to. */
  follow(told: Told | undefined): void {
    this.#told = told
    if (!told) this.#written = ''
    if (this.#isDone || this.#stop.signal.aborted) return
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined
    })
  }

  /** Resolves once what was told is in the file, or this is closed. */
  async written(): Promise<void> {
    await this.#writing
  }

  /** Writes no more. Idempotent. */
  async close(): Promise<void> {
    this.#stop.abort()
    await this.#writing
  }

  get #isDone(): boolean {
    return !this.#told || memberText(this.#told.members) === this.#written
  }

  async #write(): Promise<void> {
    const { clock, logger } = this.#deps
    for (let attempt = 0; !this.#isDone && !this.#stop.signal.aborted; ) {
      const { id, members, runtime } = this.#told as Told
      const text = memberText(members)
      try {
        await runtime.writeMembers(id, text)
        if (this.#told) this.#written = text
        attempt = 0
      } catch (error) {
        logger.warn({ id, attempt, error: messageOf(error) }, 'members_unwritten')
        await clock.sleep(backoffMs(attempt++), this.#stop.signal).catch(() => {})
      }
    }
  }
}
