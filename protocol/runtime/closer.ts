import { LanistaError, messageOf } from '#protocol/errors.ts'

type Close = () => void | Promise<void>

/**
 * Closes what was opened, in reverse order, once. Node 20 has no AsyncDisposableStack.
 * Every closer runs even if another throws; the failures are thrown together at the end as `CLOSE_FAILED`.
 */
export class Closer implements AsyncDisposable {
  #stack: { name: string; close: Close }[] = []
  #closing: Promise<void> | undefined

  /** Registers `close` under a name that appears in the error when it fails. */
  defer(name: string, close: Close): void {
    this.#stack.push({ name, close })
  }

  /** Registers a resource that has `close()` and returns it. */
  use<T extends { close(): void | Promise<void> }>(name: string, resource: T): T {
    this.defer(name, () => resource.close())
    return resource
  }

  /** Idempotent: later calls wait for the first. */
  close(): Promise<void> {
    this.#closing ??= this.#run()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #run(): Promise<void> {
    const failures: string[] = []
    for (let entry = this.#stack.pop(); entry; entry = this.#stack.pop()) {
      try {
        await entry.close()
      } catch (error) {
        failures.push(`${entry.name}: ${messageOf(error)}`)
      }
    }
    if (failures.length > 0) throw new LanistaError('CLOSE_FAILED', `close everything: ${failures.join('; ')}`)
  }
}
