import { randomBytes } from 'node:crypto'
import { LanistaError } from '#protocol/errors.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { LevelSlot } from '../store/level-slot.ts'
import { type JournalFacts, type JournalRow, newFacts, parseFacts, parseRow } from './journal-row.ts'
import type { JournalChange, JournalStore } from './journal-store.ts'

export interface LevelJournalStoreDeps {
  readonly nowMs: () => number
  readonly logger: Logger
}

const factsKey = Buffer.from('facts')
const rowPrefix = 'order!'
const options = { compression: true, cacheBytes: 262_144, writeBufferBytes: 262_144 }

/** The journal in a LevelDB folder of its own: JSON under `facts` and `order!<id>`. */
export class LevelJournalStore implements JournalStore {
  readonly facts: JournalFacts
  readonly rows: readonly JournalRow[]
  readonly #slot: LevelSlot
  /** Set: LevelDB must be opened again before it is written to. */
  #hasFailed = false
  /** Set: the folder was begun anew behind our back, and what it held is gone. */
  readonly #isLost: () => boolean
  #writing: Promise<void> = Promise.resolve()

  private constructor(slot: LevelSlot, facts: JournalFacts, rows: readonly JournalRow[], isLost: () => boolean) {
    this.#slot = slot
    this.facts = facts
    this.rows = rows
    this.#isLost = isLost
  }

  /**
   * Opens the folder, made when missing. A journal of which anything was lost is begun anew under another id: it could not say any
   * more what was done already.
   * @throws LanistaError STORE_LOCKED, STORE_FOLDER
   */
  static async open(folder: string, { nowMs, logger }: LevelJournalStoreDeps): Promise<LevelJournalStore> {
    let damages = 0
    const slot = await LevelSlot.open({ folder, ...options }, nowMs, (damage) => {
      damages++
      logger.error(damage, 'order_journal_damaged')
    })
    try {
      const found = damages === 0 ? await read(slot) : undefined
      const { facts, rows } = found ?? (await begin(slot, logger))
      const damagesAtOpen = damages
      return new LevelJournalStore(slot, facts, rows, () => damages > damagesAtOpen)
    } catch (error) {
      await slot.close()
      throw error
    }
  }

  write(change: JournalChange): Promise<void> {
    const written = this.#writing.then(() => this.#write(change))
    this.#writing = written.catch(() => {})
    return written
  }

  async close(): Promise<void> {
    await this.#writing
    await this.#slot.close()
  }

  async #write({ facts, rows, sync }: JournalChange): Promise<void> {
    if (this.#hasFailed) await this.#slot.reopen()
    if (this.#isLost()) {
      throw new LanistaError('JOURNAL_LOST', 'start the agent again: its journal of orders was lost while it ran')
    }
    this.#hasFailed = true
    const batch = this.#slot.level.batch().put(factsKey, encode(facts))
    for (const [id, row] of rows) {
      if (row) batch.put(rowKey(id), encode(row))
      else batch.del(rowKey(id))
    }
    await batch.write({ sync })
    this.#hasFailed = false
  }
}

/** Undefined for a folder that is new or has something in it that is none of ours. */
async function read(slot: LevelSlot): Promise<{ facts: JournalFacts; rows: JournalRow[] } | undefined> {
  const stored = await slot.level.get(factsKey)
  const facts = stored && parseFacts(decode(stored))
  if (!facts) return undefined
  const rows: JournalRow[] = []
  for await (const value of slot.level.values({ gte: rowKey(''), lt: rowKey('\u{10ffff}') })) {
    const row = parseRow(decode(value))
    if (!row) return undefined
    rows.push(row)
  }
  return { facts, rows }
}

async function begin(slot: LevelSlot, logger: Logger): Promise<{ facts: JournalFacts; rows: JournalRow[] }> {
  const facts = newFacts(`j${randomBytes(12).toString('base64url').replace(/[_-]/g, 'x')}`)
  await slot.level.clear()
  await slot.level.put(factsKey, encode(facts), { sync: true })
  logger.info({ journal: facts.journal }, 'order_journal_begun')
  return { facts, rows: [] }
}

function rowKey(id: string): Uint8Array {
  return Buffer.from(rowPrefix + id)
}

function encode(value: object): Uint8Array {
  return Buffer.from(JSON.stringify(value))
}

function decode(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    return undefined
  }
}
