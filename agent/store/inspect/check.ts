import { messageOf } from '#protocol/errors.ts'
import type { BlockArea } from '../area/block-area.ts'
import type { StoredBlock, StoredPage } from '../area/stored-block.ts'
import { keyOf } from '../area/stored-block.ts'
import { BlockDecoder } from '../block/decoder.ts'
import { decodeHeader } from '../block/header-reader.ts'
import { decodePage } from '../dictionary-page.ts'
import { rowsAbove } from '../journal/journal-reader.ts'
import { decodeRow } from '../journal/row-decoder.ts'
import { keyRange, pageFirstId } from '../keys.ts'
import type { Level } from '../level.ts'
import type { Tier } from '../tier/tier.ts'
import { decodeWindows } from '../tier/tier-block.ts'

/** Something that cannot be read, and where. */
export interface Damage {
  readonly kind: 'dictionary' | 'row' | 'block' | 'page' | 'tier' | 'database'
  /** Folder of the database, and the key in hex. */
  readonly where: string
  readonly reason: string
}

/** What a check has looked at and found. */
export interface CheckReport {
  readonly series: number
  readonly rows: number
  readonly blocks: number
  readonly pages: number
  readonly tierBlocks: number
  /** Samples in rows, and in blocks and pages. */
  readonly journalSamples: number
  readonly samples: number
  /** At most `damagesMax` of them. */
  readonly damages: readonly Damage[]
  readonly damaged: number
}

/** Damages listed one by one at most; the rest are counted. */
export const damagesMax = 1000

/** What a check reads. */
export interface CheckedParts {
  readonly journal: Level
  readonly journalFolder: string
  readonly local: BlockArea
  readonly tiers: readonly Tier[]
}

/** Reads everything there is and checks every checksum and every sample; changes nothing. */
export class Check {
  readonly #decoder = new BlockDecoder()
  readonly #counts = { series: 0, rows: 0, blocks: 0, pages: 0, tierBlocks: 0, journalSamples: 0, samples: 0 }
  readonly #damages: Damage[] = []
  #damaged = 0

  /** Rejects with the signal's reason. */
  async run(parts: CheckedParts, signal?: AbortSignal): Promise<CheckReport> {
    await this.#guardDatabase(parts.journalFolder, () => this.#journal(parts.journal, parts.journalFolder, signal))
    await this.#guardDatabase(parts.local.slot.folder, () =>
      this.#area(parts.local, signal, (stored) => this.#stored(stored)),
    )
    for (const { area } of parts.tiers) {
      await this.#guardDatabase(area.slot.folder, () =>
        this.#area(area, signal, ({ bytes }) => {
          decodeWindows(bytes)
          this.#counts.tierBlocks++
        }),
      )
    }
    return { ...this.#counts, damages: this.#damages, damaged: this.#damaged }
  }

  async #journal(level: Level, folder: string, signal: AbortSignal | undefined): Promise<void> {
    for await (const [key, page] of level.iterator(keyRange('n'))) {
      this.#guard('dictionary', `${folder} ${hex(key)}`, () => {
        this.#counts.series = Math.max(this.#counts.series, pageFirstId(key) + decodePage(page).length)
      })
    }
    for await (const { row, to } of rowsAbove(level, 0)) {
      signal?.throwIfAborted()
      this.#guard('row', `${folder} position ${to}`, () => {
        this.#counts.journalSamples += decodeRow(row).seriesIds.length
        this.#counts.rows++
      })
    }
  }

  async #area(
    area: BlockArea,
    signal: AbortSignal | undefined,
    look: (stored: StoredBlock | StoredPage) => void,
  ): Promise<void> {
    for (const day of area.days) {
      for await (const stored of area.walk(day)) {
        signal?.throwIfAborted()
        const kind = 'group' in stored ? 'page' : 'block'
        this.#guard(kind, `${area.slot.folder} ${hex(keyOf(stored))}`, () => look(stored))
      }
    }
  }

  #stored(stored: StoredBlock | StoredPage): void {
    if ('group' in stored) {
      this.#counts.samples += decodeRow(stored.bytes).seriesIds.length
      this.#counts.pages++
      return
    }
    const { count } = decodeHeader(stored.bytes)
    this.#decoder.decode(stored.bytes, new Float64Array(count), new Float64Array(count))
    this.#counts.samples += count
    this.#counts.blocks++
  }

  #guard(kind: Damage['kind'], where: string, look: () => void): void {
    try {
      look()
    } catch (error) {
      this.#note({ kind, where, reason: messageOf(error) })
    }
  }

  async #guardDatabase(folder: string, look: () => Promise<void>): Promise<void> {
    try {
      await look()
    } catch (error) {
      if (!isLevelError(error)) throw error
      this.#note({ kind: 'database', where: folder, reason: messageOf(error) })
    }
  }

  #note(damage: Damage): void {
    this.#damaged++
    if (this.#damages.length < damagesMax) this.#damages.push(damage)
  }
}

function isLevelError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('LEVEL_')
}

function hex(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('hex')
}
