/**
 * What `up` must still know after `kill -9`, and the lock on its folder. LevelDB holds its lock through the kernel, so it goes
 * with the process, however that ends; nothing is left to clean by hand.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import type { ProcessIdentity } from './process-identity.ts'

type Rows = ClassicLevel<string, unknown>

const childKey = 'child/'

export class Ledger {
  readonly #rows: Rows

  private constructor(rows: Rows) {
    this.#rows = rows
  }

  /**
   * Makes the folder if needed (mode 0700) and locks it for this process.
   * @throws LanistaError DATA_DIR_UNWRITABLE, DATA_DIR_LOCKED
   */
  static async open(dataDir: string): Promise<Ledger> {
    makeFolder(dataDir)
    const rows: Rows = new ClassicLevel(join(dataDir, 'up'), { valueEncoding: 'json' })
    try {
      await rows.open()
    } catch (error) {
      throw openFailed(dataDir, error)
    }
    return new Ledger(rows)
  }

  /** The value of `name`, made and kept on first use: so a machine that changes its name keeps its agent. */
  async remember(name: string, make: () => string): Promise<string> {
    const known = await this.#rows.get(`value/${name}`)
    if (typeof known === 'string') return known
    const value = make()
    await this.#rows.put(`value/${name}`, value, { sync: true })
    return value
  }

  /** Notes a child that would outlive us. */
  async adopt(name: string, child: ProcessIdentity): Promise<void> {
    await this.#rows.put(childKey + name, child, { sync: true })
  }

  /** The child has ended. */
  async release(name: string): Promise<void> {
    await this.#rows.del(childKey + name)
  }

  /** Children noted and not released: what a killed `up` may have left running. */
  async adopted(): Promise<ReadonlyMap<string, ProcessIdentity>> {
    const children = new Map<string, ProcessIdentity>()
    for await (const [key, value] of this.#rows.iterator({ gte: childKey, lt: 'child0' })) {
      if (isProcessIdentity(value)) children.set(key.slice(childKey.length), value)
    }
    return children
  }

  /** Unlocks the folder. Idempotent. */
  close(): Promise<void> {
    return this.#rows.close()
  }
}

function isProcessIdentity(value: unknown): value is ProcessIdentity {
  return (
    typeof value === 'object' &&
    value !== null &&
    'pid' in value &&
    typeof value.pid === 'number' &&
    'started' in value &&
    typeof value.started === 'string'
  )
}

function makeFolder(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw unwritable(dataDir, error)
  }
}

function openFailed(dataDir: string, error: unknown): LanistaError {
  const cause = error instanceof Error ? error.cause : undefined
  if (cause instanceof Error && 'code' in cause && cause.code === 'LEVEL_LOCKED') {
    return new LanistaError(
      'DATA_DIR_LOCKED',
      `choose another folder with --data, or stop the other lanista: found one running on ${dataDir}, expected to be the only one`,
      { cause: error, data: { dataDir } },
    )
  }
  return unwritable(dataDir, cause ?? error)
}

function unwritable(dataDir: string, error: unknown): LanistaError {
  return new LanistaError(
    'DATA_DIR_UNWRITABLE',
    `choose another folder with --data: found ${messageOf(error)}, expected to write in ${dataDir}`,
    { cause: error, data: { dataDir } },
  )
}
