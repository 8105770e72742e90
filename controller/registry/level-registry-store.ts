/** The registry on LevelDB, embedded in the controller's process: one folder, one process at a time. */
import { ClassicLevel } from 'classic-level'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import { makeFolder } from '#protocol/runtime/data-folder.ts'
import type { RegistryChange, RegistryRow, RegistryStore, RegistryWriteOptions } from './registry-store.ts'

type Level = ClassicLevel<string, unknown>

/** What a disk says when it cannot be written; repairing would then do harm. */
const diskFault = /permission denied|read-only|no space|not permitted|quota|too many open files/i

export class LevelRegistryStore implements RegistryStore {
  readonly #db: Level
  #closing: Promise<void> | undefined

  private constructor(db: Level) {
    this.#db = db
  }

  /**
   * Opens the folder, made when missing. A database that refuses to open is repaired once: LevelDB keeps what it can read.
   * @throws LanistaError DATA_DIR_UNWRITABLE, DATA_DIR_LOCKED (another controller has it), REGISTRY_DAMAGED
   */
  static async open(dataDir: string, folder: string): Promise<LevelRegistryStore> {
    const location = `${dataDir}/${folder}`
    try {
      await makeFolder(location)
    } catch (cause) {
      throw unwritable(dataDir, reasonOf(cause))
    }
    try {
      return new LevelRegistryStore(await openLevel(location))
    } catch (error) {
      const reason = reasonOf(error)
      if (reason.code === 'LEVEL_LOCKED') throw locked(dataDir, error)
      if (diskFault.test(reason.message)) throw unwritable(dataDir, reason)
      return new LevelRegistryStore(await repaired(location))
    }
  }

  async get(key: string): Promise<unknown> {
    return await this.#db.get(key)
  }

  async *list(prefix: string): AsyncIterable<RegistryRow> {
    for await (const [key, value] of this.#db.iterator({ gte: prefix, lt: `${prefix}\u{10ffff}` })) yield { key, value }
  }

  async write(changes: readonly RegistryChange[], options: RegistryWriteOptions = {}): Promise<void> {
    if (this.#closing) throw new LanistaError('CLOSED', 'open the registry again: it is closed')
    if (changes.length === 0) return
    try {
      await this.#db.batch(changes.map(operationOf), { sync: options.sync ?? false })
    } catch (cause) {
      throw new LanistaError('REGISTRY_WRITE_FAILED', `make room for the registry: ${messageOf(cause)}`, { cause })
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#db.close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

type Operation = { type: 'put'; key: string; value: unknown } | { type: 'del'; key: string }

function operationOf(change: RegistryChange): Operation {
  return 'remove' in change ? { type: 'del', key: change.key } : { type: 'put', key: change.key, value: change.value }
}

async function openLevel(location: string): Promise<Level> {
  const db: Level = new ClassicLevel(location, { valueEncoding: 'json' })
  await db.open()
  return db
}

async function repaired(location: string): Promise<Level> {
  try {
    await ClassicLevel.repair(location)
    return await openLevel(location)
  } catch (cause) {
    throw new LanistaError(
      'REGISTRY_DAMAGED',
      `move ${location} away: LevelDB cannot repair it (${messageOf(cause)}), expected a readable database`,
      { cause },
    )
  }
}

/** LevelDB's reason stands in the cause of `LEVEL_DATABASE_NOT_OPEN`. */
function reasonOf(error: unknown): { message: string; code: unknown } {
  const cause: unknown = error instanceof Error ? (error.cause ?? error) : error
  return { message: messageOf(cause), code: cause instanceof Error && 'code' in cause ? cause.code : undefined }
}

function unwritable(dataDir: string, cause: { message: string }): LanistaError {
  return new LanistaError(
    'DATA_DIR_UNWRITABLE',
    `choose another data folder with --data: cannot write ${dataDir} (${cause.message})`,
    { cause, data: { dataDir } },
  )
}

function locked(dataDir: string, cause: unknown): LanistaError {
  return new LanistaError(
    'DATA_DIR_LOCKED',
    `choose another data folder with --data, or stop the other controller: ${dataDir} is in use`,
    { cause, data: { dataDir } },
  )
}
