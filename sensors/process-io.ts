import type { InstanceUsage } from './instance-usage.ts'
import { numberAfter } from './kernel-number.ts'
import { ProcFile } from './proc-file.ts'

/** Processes of one instance whose block I/O is summed at most; beyond, it is not known. */
const processesMax = 256

/**
 * Block I/O of a set of processes. What a process did that ended is in its parent's count once that has waited for it, so the sum
 * goes on; it falls where the parent is not of the set, and then there is no rate. Files stay open while their process is in the set.
 */
export class ProcessIo {
  readonly #root: string
  #files = new Map<string, ProcFile>()

  /** @param root prefix of `/proc` */
  constructor(root: string) {
    this.#root = root
  }

  /** Nothing where none of them can be read: it takes root, or the same account. */
  read(pids: readonly string[]): Pick<InstanceUsage, 'readBytes' | 'writeBytes'> {
    this.#keep(pids.length > processesMax ? [] : pids)
    let [readBytes, writeBytes, isKnown] = [0, 0, false]
    for (const file of this.#files.values()) {
      const text = file.read()
      const [read, write] = [numberAfter(text, 'read_bytes:'), numberAfter(text, 'write_bytes:')]
      if (read === undefined || write === undefined) continue
      readBytes += read
      writeBytes += write
      isKnown = true
    }
    return isKnown ? { readBytes, writeBytes } : {}
  }

  /** Idempotent. */
  close(): void {
    this.#keep([])
  }

  #keep(pids: readonly string[]): void {
    const before = this.#files
    if (pids.length === before.size && pids.every((pid) => before.has(pid))) return
    const open = (pid: string): ProcFile =>
      new ProcFile(`${this.#root}/proc/${pid}/io`, { hasShortLines: true, bufferBytes: 512 })
    this.#files = new Map(pids.map((pid) => [pid, before.get(pid) ?? open(pid)]))
    for (const [pid, file] of before) if (!this.#files.has(pid)) file.close()
  }
}
