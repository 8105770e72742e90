import { LanistaError } from '#protocol/errors.ts'
import { canWrite, diskSpace } from '../store/disk.ts'
import type { Level } from '../store/level.ts'
import { folderLost, type LevelSlot } from '../store/level-slot.ts'

/** Room without which the database is not opened again: opening writes what its log held to a table. */
const freeBytesMin = 2 * 1024 * 1024

/**
 * The database of the shared area, opened again after a write that failed: LevelDB refuses every later one, or writes on behind half a
 * record. The next write does it, once the disk takes writes; until then what is there can be read. Takes the slot over: closes it.
 */
export class ReplicaSlot {
  readonly #slot: LevelSlot
  #hasFailed = false
  #reopening: Promise<void> | undefined

  constructor(slot: LevelSlot) {
    this.#slot = slot
  }

  /** To read from; throws STORE_UNAVAILABLE while it is being opened again. */
  get level(): Level {
    return this.#slot.level
  }

  /** Rejects with what LevelDB said, STORE_FOLDER when the folder was taken away, STORE_UNAVAILABLE while the disk takes no writes; then nothing of the change may be relied on. */
  async write(change: (level: Level) => Promise<void>): Promise<void> {
    if (this.#hasFailed) await this.#recover()
    try {
      await change(this.#slot.level)
      // an acknowledgement of what is nowhere would be a lie
      if (!(await this.#slot.isInPlace())) throw folderLost(this.#slot.folder)
    } catch (error) {
      this.#hasFailed = true
      throw error
    }
  }

  /** See `ReplicaStore`. */
  isInPlace(): Promise<boolean> {
    return this.#slot.isInPlace()
  }

  close(): Promise<void> {
    return this.#slot.close()
  }

  async #recover(): Promise<void> {
    this.#reopening ??= this.#reopen().finally(() => {
      this.#reopening = undefined
    })
    await this.#reopening
  }

  async #reopen(): Promise<void> {
    const { folder } = this.#slot
    // an empty database opened in its place would pass for what is held
    if (!(await this.#slot.isInPlace())) throw folderLost(folder)
    const { freeBytes } = await diskSpace(folder)
    if (freeBytes < freeBytesMin || !(await canWrite(folder))) {
      throw new LanistaError(
        'STORE_UNAVAILABLE',
        `make room for the shared area: found ${freeBytes} bytes free at ${folder}, expected ${freeBytesMin} that can be written`,
        { data: { folder, freeBytes } },
      )
    }
    await this.#slot.reopen()
    this.#hasFailed = false
  }
}
