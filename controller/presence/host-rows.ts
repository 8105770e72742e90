import type { RegistryChange, RegistryStore } from '#controller/registry/registry-store.ts'
import { messageOf } from '#protocol/errors.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { OnceAMinute } from '#protocol/runtime/once-a-minute.ts'
import { type HostRow, parseHostRow } from './host-record.ts'

export interface HostRowsDeps {
  readonly registry: RegistryStore
  readonly clock: Clock
  readonly logger: Logger
  /** The row of a host as it is now; undefined = no such host any more. */
  readonly rowOf: (host: string) => HostRow | undefined
}

const rowPrefix = 'host!'
const writeDelayMs = 1000

/** The hosts in the registry, written a moment after they changed, all that changed at once. `host` is `T.C.H`. */
export class HostRows {
  readonly #deps: HostRowsDeps
  readonly #dirty = new Set<string>()
  readonly #logged: OnceAMinute
  #writing: Promise<void> = Promise.resolve()
  #cancel: (() => void) | undefined
  #failures = 0

  constructor(deps: HostRowsDeps) {
    this.#deps = deps
    this.#logged = new OnceAMinute(deps.clock)
  }

  /** Writes that failed; what they held is written with the next. */
  get failures(): number {
    return this.#failures
  }

  /** The rows of the last life; those of another shape are left out. */
  async *read(): AsyncIterable<readonly [host: string, row: HostRow]> {
    for await (const { key, value } of this.#deps.registry.list(rowPrefix)) {
      const row = parseHostRow(value)
      if (row) yield [key.slice(rowPrefix.length), row]
    }
  }

  /** This host's row has changed. */
  touch(host: string): void {
    this.#dirty.add(host)
    this.#cancel ??= this.#deps.clock.after(writeDelayMs, () => {
      this.#cancel = undefined
      void this.flush()
    })
  }

  /** Writes now what has changed; never rejects. */
  flush(): Promise<void> {
    this.#cancel?.()
    this.#cancel = undefined
    this.#writing = this.#writing.then(() => this.#write())
    return this.#writing
  }

  async #write(): Promise<void> {
    const hosts = [...this.#dirty]
    this.#dirty.clear()
    try {
      await this.#deps.registry.write(hosts.map((host) => this.#changeOf(host)))
    } catch (error) {
      this.#failures++
      for (const host of hosts) this.#dirty.add(host)
      this.#logged.pass('write', (suppressed) =>
        this.#deps.logger.error({ error: messageOf(error), suppressed }, 'hosts_not_persisted'),
      )
    }
  }

  #changeOf(host: string): RegistryChange {
    const value = this.#deps.rowOf(host)
    return value ? { key: rowPrefix + host, value } : { key: rowPrefix + host, remove: true }
  }
}
