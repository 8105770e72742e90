import { mkdir, readdir, rename } from 'node:fs/promises'
import { ClassicLevel } from 'classic-level'
import { LanistaError, messageOf } from '#protocol/errors.ts'

/** A LevelDB database with binary keys and values. */
export type Level = ClassicLevel<Uint8Array, Uint8Array>

/** What was done to a database that could not be opened. */
export interface LevelDamage {
  readonly folder: string
  /** `lost`: its folder was deleted, moved or covered while it was open, and it was begun anew. */
  readonly action: 'repaired' | 'quarantined' | 'lost'
  /** Where the old files, or those found in the place of lost ones, went. */
  readonly movedTo?: string | undefined
  readonly cause: string
}

export interface LevelOptions {
  readonly folder: string
  /** Snappy inside table files: pays for text, not for what is already dense. */
  readonly compression: boolean
  /** Bytes of decompressed blocks kept in memory. */
  readonly cacheBytes: number
  /** Bytes of the write buffer; two of them may be in memory. */
  readonly writeBufferBytes: number
}

/**
 * Opens a database whatever state it is in: as it is, else after LevelDB's own repair, else empty with the old folder moved
 * aside to `<folder>.bad-<epoch ms>`. Throws STORE_LOCKED (another process has it) and STORE_FOLDER (it cannot be written).
 */
export async function openLevel(options: LevelOptions, nowMs: number): Promise<{ level: Level; damage?: LevelDamage }> {
  const { folder } = options
  try {
    await mkdir(folder, { recursive: true })
    await refuseOrphans(folder)
    return { level: await tryOpen(options) }
  } catch (error) {
    refuseIfHopeless(folder, error)
    return recover(options, nowMs, reasonOf(error))
  }
}

async function recover(
  options: LevelOptions,
  nowMs: number,
  cause: string,
): Promise<{ level: Level; damage: LevelDamage }> {
  const { folder } = options
  try {
    await ClassicLevel.repair(folder)
    return { level: await tryOpen(options), damage: { folder, action: 'repaired', cause } }
  } catch (error) {
    refuseIfHopeless(folder, error)
  }
  const movedTo = `${folder}.bad-${nowMs}`
  await rename(folder, movedTo)
  await mkdir(folder, { recursive: true })
  return { level: await tryOpen(options), damage: { folder, action: 'quarantined', movedTo, cause } }
}

async function tryOpen(options: LevelOptions): Promise<Level> {
  const level: Level = new ClassicLevel<Uint8Array, Uint8Array>(options.folder, {
    keyEncoding: 'view',
    valueEncoding: 'view',
    compression: options.compression,
    cacheSize: options.cacheBytes,
    writeBufferSize: options.writeBufferBytes,
  })
  await level.open()
  return level
}

/** Without CURRENT, LevelDB would begin a new database and delete the table files of the old one. */
async function refuseOrphans(folder: string): Promise<void> {
  const names = await readdir(folder)
  if (!names.includes('CURRENT') && names.some((name) => /\.(ldb|sst|log)$/.test(name))) {
    throw new LanistaError('STORE_DAMAGED', `repair ${folder}: found table files without CURRENT`)
  }
}

/** Neither repair nor a fresh folder helps against another process, missing rights or a full disk. */
function refuseIfHopeless(folder: string, error: unknown): void {
  const reason = reasonOf(error)
  if (/LEVEL_LOCKED|already held|lock .*LOCK/i.test(reason)) {
    throw new LanistaError(
      'STORE_LOCKED',
      `stop the other agent or choose another data folder: ${folder} is in use by another process`,
      { cause: error, data: { folder } },
    )
  }
  if (isFolderFault(reason)) {
    throw new LanistaError('STORE_FOLDER', `make the data folder writable: ${folder}: ${reason}`, {
      cause: error,
      data: { folder },
    })
  }
}

/** The disk or the rights are at fault, not the bytes in the folder. */
export function isFolderFault(reason: string): boolean {
  return /no space|ENOSPC|EACCES|EPERM|permission denied|EROFS|read-only|ENOTDIR|not a directory|quota|EDQUOT|too many open files/i.test(
    reason,
  )
}

/** The message of an error with those of its causes and their codes. */
export function reasonOf(error: unknown): string {
  const parts: string[] = []
  for (let at: unknown = error; at !== undefined && parts.length < 8; at = at instanceof Error ? at.cause : undefined) {
    const code = at instanceof Error && 'code' in at ? `${String(at.code)} ` : ''
    parts.push(code + messageOf(at))
  }
  return parts.join(': ')
}
