/**
 * Who this agent is, kept in its data folder: the address it was given, the key that proves it, the session number of its
 * last start.
 */
import { join } from 'node:path'
import * as z from 'zod/mini'
import { generateNkey, nkeyFromSeed } from '#broker/nkey.ts'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import { nextSession } from '#protocol/presence/session.ts'
import { makeDataFolder } from '#protocol/runtime/data-folder.ts'
import { readSecretFile, writeSecretFile } from '#protocol/runtime/secret-file.ts'
import { type Address, hostIdOf, parseHostId } from '#protocol/subjects/subject.ts'

export interface Identity {
  readonly address: Address
  /** nkey seed, `SU…`. Never logged, never sent. */
  readonly seed: string
  /** nkey public key, `U…`. */
  readonly publicKey: string
}

interface IdentityFile {
  readonly id: string
  readonly seed: string
}

const identitySchema: z.ZodMiniType<IdentityFile> = z.strictObject({ id: z.string(), seed: z.string() })
const sessionSchema: z.ZodMiniType<{ session: number }> = z.strictObject({ session: z.int() })

/**
 * Reads the identity in `dataDir`, or makes one.
 * @throws LanistaError DATA_DIR_UNWRITABLE, IDENTITY_INVALID (unreadable file), IDENTITY_OTHER (the folder belongs to another id)
 */
export async function openIdentity(dataDir: string, address: Address): Promise<Identity> {
  await makeDataFolder(dataDir)
  const path = join(dataDir, 'identity.json')
  const id = hostIdOf(address)
  const stored = readJson(path, identitySchema)
  if (!stored) {
    const { seed, publicKey } = generateNkey()
    write(path, { id, seed })
    return { address, seed, publicKey }
  }
  if (stored.id !== id) {
    throw new LanistaError(
      'IDENTITY_OTHER',
      `use another data folder: ${dataDir} belongs to ${stored.id}, expected ${id}; an id is never reused for another host`,
      { data: { found: stored.id, expected: id } },
    )
  }
  return { address, seed: stored.seed, publicKey: nkeyFromSeed(stored.seed).publicKey }
}

/** Whose folder this is; undefined when it does not say so. */
export function readAddress(dataDir: string): Address | undefined {
  try {
    const stored = readJson(join(dataDir, 'identity.json'), identitySchema)
    return stored && parseHostId(stored.id)
  } catch {
    return undefined // a look into a store needs no identity
  }
}

/** Takes the next session number and keeps it, before anything is sent under it. */
export function takeSession(dataDir: string, nowMs: number): number {
  let stored: number | undefined
  try {
    stored = readJson(join(dataDir, 'session.json'), sessionSchema)?.session
  } catch {
    stored = undefined // a damaged file must not stop the agent: the clock keeps the number ahead of the past
  }
  const session = nextSession(stored, nowMs)
  keepSession(dataDir, session)
  return session
}

/** Keeps a session number taken otherwise (after hearing one's own death), before anything is sent under it. */
export function keepSession(dataDir: string, session: number): void {
  write(join(dataDir, 'session.json'), { session })
}

function readJson<T>(path: string, schema: z.ZodMiniType<T>): T | undefined {
  try {
    const text = readSecretFile(path)
    return text === undefined ? undefined : schema.parse(JSON.parse(text))
  } catch (cause) {
    throw invalidFile(path, cause)
  }
}

function invalidFile(path: string, cause: unknown): LanistaError {
  return new LanistaError(
    'IDENTITY_INVALID',
    `restore ${path} from a copy, or remove it to enrol again: it cannot be read: ${messageOf(cause)}`,
    { cause },
  )
}

function write(path: string, value: unknown): void {
  try {
    writeSecretFile(path, `${JSON.stringify(value)}\n`)
  } catch (cause) {
    throw new LanistaError(
      'DATA_DIR_UNWRITABLE',
      `choose a data folder that can be written (--data): found ${messageOf(cause)}, expected to write ${path}`,
      { cause, data: { path } },
    )
  }
}
