import { readlinkSync } from 'node:fs'
import type { InstanceUsage } from './instance-usage.ts'
import { trafficOf } from './net-dev.ts'
import { ProcFile } from './proc-file.ts'

/**
 * Traffic of a network namespace, through one of its processes. The open file keeps the namespace alive, so it is closed as soon as
 * the instance is found to be gone.
 */
export class NamespaceTraffic {
  readonly #file: ProcFile

  private constructor(path: string) {
    this.#file = new ProcFile(path, { hasShortLines: true, bufferBytes: 1024 })
  }

  /** Undefined where the process shares our own namespace, the machine's, or where we may not know. */
  static of(pid: number, root: string): NamespaceTraffic | undefined {
    const [theirs, ours] = [namespaceOf(`${root}/proc/${pid}`), namespaceOf(`${root}/proc/self`)]
    if (theirs === undefined || theirs === ours) return undefined
    return new NamespaceTraffic(`${root}/proc/${pid}/net/dev`)
  }

  /** Bytes over all interfaces but loopback; nothing where there is none. */
  read(): Pick<InstanceUsage, 'rxBytes' | 'txBytes'> {
    return trafficOf(this.#file.read() ?? '') ?? {}
  }

  /** Idempotent. */
  close(): void {
    this.#file.close()
  }
}

function namespaceOf(processFolder: string): string | undefined {
  try {
    return readlinkSync(`${processFolder}/ns/net`)
  } catch {
    return undefined // gone, or not ours to look at
  }
}
