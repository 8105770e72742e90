import { LanistaError } from '#protocol/errors.ts'
import type { RegistryChange, RegistryRow, RegistryStore } from './registry-store.ts'

/** The registry in memory, for tests and the simulation. Values pass through JSON, so that nothing survives that a disk would not keep. */
export class MemoryRegistryStore implements RegistryStore {
  readonly #rows: Map<string, string>
  #isClosed = false

  /** @param rows shared by several stores in a test, it stands for the disk between a controller and its next start */
  constructor(rows: Map<string, string> = new Map()) {
    this.#rows = rows
  }

  async get(key: string): Promise<unknown> {
    const text = this.#rows.get(key)
    return text === undefined ? undefined : JSON.parse(text)
  }

  async *list(prefix: string): AsyncIterable<RegistryRow> {
    for (const key of [...this.#rows.keys()].filter((key) => key.startsWith(prefix)).sort()) {
      yield { key, value: await this.get(key) }
    }
  }

  async write(changes: readonly RegistryChange[]): Promise<void> {
    if (this.#isClosed) throw new LanistaError('CLOSED', 'open the registry again: it is closed')
    const encoded = changes.map((change) =>
      'remove' in change ? change : { ...change, value: JSON.stringify(change.value) },
    )
    for (const change of encoded) {
      if ('remove' in change) this.#rows.delete(change.key)
      else this.#rows.set(change.key, change.value)
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
