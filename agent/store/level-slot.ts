import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { LanistaError } from '#protocol/errors.ts'
import { identityOf } from './disk.ts'
import { type Level, type LevelDamage, type LevelOptions, openLevel } from './level.ts'

/** What a write into a folder that is no longer there comes to. */
export function folderLost(folder: string): LanistaError {
  return new LanistaError(
    'STORE_FOLDER',
    `leave the data folder where it is: ${folder} was deleted, moved or covered`,
    {
      data: { folder },
    },
  )
}

/** One database of the store that may be closed and opened again while others hold on to the slot. */
export class LevelSlot {
  readonly #options: LevelOptions
  readonly #nowMs: () => number
  readonly #onDamage: (damage: LevelDamage) => void
  #level: Level | undefined
  /** Of the file that LevelDB makes once and holds while it is open. */
  #identity: string | undefined
  /** Until it is begun anew. */
  #isLost = false

  private constructor(options: LevelOptions, nowMs: () => number, onDamage: (damage: LevelDamage) => void) {
    this.#options = options
    this.#nowMs = nowMs
    this.#onDamage = onDamage
  }

  /** Throws STORE_LOCKED and STORE_FOLDER. */
  static async open(
    options: LevelOptions,
    nowMs: () => number,
    onDamage: (damage: LevelDamage) => void,
  ): Promise<LevelSlot> {
    const slot = new LevelSlot(options, nowMs, onDamage)
    await slot.#open()
    return slot
  }

  get folder(): string {
    return this.#options.folder
  }

  /** Undefined while the database is being opened again, and after `close`. */
  get current(): Level | undefined {
    return this.#level
  }

  /** The database; throws STORE_UNAVAILABLE when there is none at the moment. */
  get level(): Level {
    if (!this.#level) {
      throw new LanistaError('STORE_UNAVAILABLE', `try again: ${this.#options.folder} is closed or being opened again`)
    }
    return this.#level
  }

  /** Closes and opens: after a failed write LevelDB's own log may hold half a record. */
  async reopen(): Promise<void> {
    await this.close()
    await this.#open()
  }

  /**
   * False when the folder was deleted, moved or covered by a mount: LevelDB notices nothing and writes on into files that no
   * path leads to. Rejects when the disk does not answer.
   */
  async isInPlace(): Promise<boolean> {
    return !this.#isLost && (await identityOf(this.#lockPath)) === this.#identity
  }

  /** Opens an empty database where the folder was lost; what somebody put there meanwhile is moved aside. Throws STORE_LOCKED. */
  async beginAnew(cause: string): Promise<void> {
    const { folder } = this.#options
    this.#isLost = true
    await this.close()
    await this.#open()
    const [found] = await this.level.keys({ limit: 1 }).all()
    const movedTo = found === undefined ? undefined : `${folder}.bad-${this.#nowMs()}`
    if (movedTo !== undefined) {
      await this.close()
      await rename(folder, movedTo)
      await this.#open()
    }
    this.#isLost = false
    this.#onDamage({ folder, action: 'lost', movedTo, cause })
  }

  /**
   * Merges every table, dropping what was deleted. LevelDB writes its memory to a table as it is, deleted entries included, and
   * touches that table again only when a newer one overlaps it: hence the second round, behind keys at both ends.
   */
  async compact(): Promise<void> {
    const [lowest, highest] = [Uint8Array.of(0), Uint8Array.of(255)]
    await this.level.compactRange(lowest, highest)
    await this.level.batch().del(lowest).del(highest).write()
    await this.level.compactRange(lowest, highest)
  }

  async close(): Promise<void> {
    const level = this.#level
    this.#level = undefined
    await level?.close()
  }

  get #lockPath(): string {
    return join(this.#options.folder, 'LOCK')
  }

  async #open(): Promise<void> {
    const { level, damage } = await openLevel(this.#options, this.#nowMs())
    this.#level = level
    this.#identity = await identityOf(this.#lockPath)
    if (damage) this.#onDamage(damage)
  }
}
