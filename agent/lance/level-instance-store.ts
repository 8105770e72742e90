import type { Logger } from '#protocol/runtime/logger.ts'
import { LevelSlot } from '../store/level-slot.ts'
import type { InstanceRow } from './instance.ts'
import { parseInstanceRow } from './instance-row.ts'
import type { InstanceStore } from './instance-store.ts'

export interface LevelInstanceStoreDeps {
  readonly nowMs: () => number
  readonly logger: Logger
}

const options = { compression: true, cacheBytes: 262_144, writeBufferBytes: 262_144 }

/**
 * The rows in a LevelDB folder of their own: the id, and the row as JSON. A row that cannot be read is left out and logged: its instance
 * goes on running, and is taken over when the controller orders it again.
 */
export class LevelInstanceStore implements InstanceStore {
  readonly rows: readonly InstanceRow[]
  readonly #slot: LevelSlot
  /** Set: LevelDB must be opened again before it is written to. */
  #hasFailed = false
  #writing: Promise<void> = Promise.resolve()

  private constructor(slot: LevelSlot, rows: readonly InstanceRow[]) {
    this.#slot = slot
    this.rows = rows
  }

  /** Opens the folder, made when missing. Throws STORE_LOCKED, STORE_FOLDER. */
  static async open(folder: string, { nowMs, logger }: LevelInstanceStoreDeps): Promise<LevelInstanceStore> {
    const slot = await LevelSlot.open({ folder, ...options }, nowMs, (damage) =>
      logger.error(damage, 'instance_store_damaged'),
    )
    try {
      return new LevelInstanceStore(slot, await read(slot, logger))
    } catch (error) {
      await slot.close()
      throw error
    }
  }

  write(id: string, row: InstanceRow | undefined): Promise<void> {
    const written = this.#writing.then(() => this.#write(Buffer.from(id), row))
    this.#writing = written.catch(() => {})
    return written
  }

  async close(): Promise<void> {
    await this.#writing
    await this.#slot.close()
  }

  async #write(key: Uint8Array, row: InstanceRow | undefined): Promise<void> {
    if (this.#hasFailed) await this.#slot.reopen()
    this.#hasFailed = true
    const batch = this.#slot.level.batch()
    if (row) batch.put(key, Buffer.from(JSON.stringify(row)))
    else batch.del(key)
    await batch.write({ sync: true })
    this.#hasFailed = false
  }
}

async function read(slot: LevelSlot, logger: Logger): Promise<InstanceRow[]> {
  const rows: InstanceRow[] = []
  for await (const [key, value] of slot.level.iterator()) {
    const row = parseInstanceRow(Buffer.from(value).toString('utf8'))
    if (row) rows.push(row)
    else logger.error({ id: Buffer.from(key).toString('utf8').slice(0, 80) }, 'instance_row_unreadable')
  }
  return rows
}
