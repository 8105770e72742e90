/**
 * What `up` must still know after `kill -9`, and the lock on its folder. LevelDB holds its lock through the kernel, so it goes
 * with the process, however that ends; nothing is left to clean by hand.
 */
import { z } from 'zod'
import { LevelRegistryStore } from '#controller/registry/level-registry-store.ts'
import type { RegistryStore } from '#controller/registry/registry-store.ts'
import { makeDataFolder } from '#protocol/runtime/data-folder.ts'
import type { ProcessIdentity } from './process-identity.ts'

const childPrefix = 'child/'

const childSchema: z.ZodType<ProcessIdentity> = z.object({ pid: z.int().positive(), started: z.string() })

export class Ledger {
  readonly #rows: RegistryStore

  /** @param rows owned by the ledger from now on */
  constructor(rows: RegistryStore) {
    this.#rows = rows
  }

  /**
   * Makes the folder if needed (mode 0700: keys live in it) and locks it for this process.
   * @throws LanistaError DATA_DIR_UNWRITABLE, DATA_DIR_LOCKED, REGISTRY_DAMAGED
   */
  static async open(dataDir: string): Promise<Ledger> {
    await makeDataFolder(dataDir)
    return new Ledger(await LevelRegistryStore.open(dataDir, 'up'))
  }

  /** The value of `name`, made and kept on first use: so a machine that changes its name keeps its agent. */
  async remember(name: string, make: () => string): Promise<string> {
    const known = await this.#rows.get(`value/${name}`)
    if (typeof known === 'string') return known
    const value = make()
    await this.#rows.write([{ key: `value/${name}`, value }], { sync: true })
    return value
  }

  /** Notes a child that would outlive us. */
  async adopt(name: string, child: ProcessIdentity): Promise<void> {
    await this.#rows.write([{ key: childPrefix + name, value: child }])
  }

  /** The child has ended. */
  async release(name: string): Promise<void> {
    await this.#rows.write([{ key: childPrefix + name, remove: true }])
  }

  /** Children noted and not released: what a killed `up` may have left running. */
  async adopted(): Promise<ReadonlyMap<string, ProcessIdentity>> {
    const children = new Map<string, ProcessIdentity>()
    for await (const { key, value } of this.#rows.list(childPrefix)) {
      const child = childSchema.safeParse(value)
      if (child.success) children.set(key.slice(childPrefix.length), child.data)
    }
    return children
  }

  /** Unlocks the folder. Idempotent. */
  close(): Promise<void> {
    return this.#rows.close()
  }
}
