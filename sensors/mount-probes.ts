/**
 * Asks mounts for their size so that none can hang the agent. A mount that does not answer in time is stuck: it is left alone
 * until its call returns, whether that takes a minute or for ever. Mounts that may hang are asked through children; of the
 * process's own threads at most one waits, and while it does, other mounts are asked through children as well.
 */
import type { Clock } from '#protocol/runtime/clock.ts'
import { mayHang } from './mount-filter.ts'
import type { Mount } from './mountinfo.ts'
import type { FilesystemSize, StatfsCall, StatfsWays } from './statfs.ts'

/** Calls to stuck mounts that may be open at once; beyond it, mounts that need a child are not asked. */
const openCallsMax = 8

/** `stuck`: did not answer in time, or has not since. `failed`: said no. `unasked`: too many others are stuck. */
export type ProbeAnswer = FilesystemSize | 'stuck' | 'failed' | 'unasked'

export class MountProbes {
  readonly #ways: StatfsWays
  readonly #clock: Clock
  readonly #deadlineMs: number
  readonly #open = new Map<string, StatfsCall>()
  #threadIsBusy = false

  constructor(ways: StatfsWays, clock: Clock, deadlineMs: number) {
    this.#ways = ways
    this.#clock = clock
    this.#deadlineMs = deadlineMs
  }

  /** Answers within the deadline, whatever the mount does. One call at a time. */
  async ask(mount: Mount): Promise<ProbeAnswer> {
    if (this.#open.has(mount.point)) return 'stuck'
    const inChild = mayHang(mount) || this.#threadIsBusy
    if (inChild && this.#open.size >= openCallsMax) return 'unasked'
    const call = this.#start(mount.point, inChild)
    return new Promise((resolve) => {
      const cancel = this.#clock.after(this.#deadlineMs, () => resolve('stuck'))
      const end = (answer: ProbeAnswer): void => {
        cancel()
        resolve(answer)
      }
      call.answer.then(end, () => end('failed'))
    })
  }

  /** Ends the children that still wait. Idempotent. */
  close(): void {
    for (const call of this.#open.values()) call.abandon()
  }

  #start(point: string, inChild: boolean): StatfsCall {
    const call = inChild ? this.#ways.inChild(point) : this.#ways.inProcess(point)
    this.#open.set(point, call)
    if (!inChild) this.#threadIsBusy = true
    const settled = (): void => {
      this.#open.delete(point)
      if (!inChild) this.#threadIsBusy = false
    }
    call.answer.then(settled, settled)
    return call
  }
}
