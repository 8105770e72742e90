import { createHash, randomBytes } from 'node:crypto'
import { LanistaError } from '#protocol/errors.ts'

/** 256 bits that seal other keys, and the name they go by in rows. */
export interface MasterKey {
  /** 16 hex digits, derived from the key: the same key has the same id everywhere, and the id tells nothing of the key. */
  readonly id: string
  readonly bytes: Buffer
}

const keyBytes = 32
/** 32 bytes as base64url. */
const keyPattern = /^[A-Za-z0-9_-]{43}$/
/** Keys in one file: the one in use, and those that a rotation has not yet done away with. */
const keysMax = 16

/** A new one, of the machine's own randomness. */
export function generateMasterKey(): MasterKey {
  return masterKeyOf(randomBytes(keyBytes))
}

/**
 * The keys of a key file: one a line in base64url, the one that seals first; blank lines and those that begin with `#` are skipped.
 * @throws LanistaError MASTER_KEY_INVALID, never quoting the text
 */
export function parseMasterKeys(text: string): MasterKey[] {
  const lines = text.split(/\r?\n/).map((line) => line.trim())
  const numbered = lines.map((line, i) => ({ line, number: i + 1 })).filter(({ line }) => line && !line.startsWith('#'))
  if (numbered.length === 0 || numbered.length > keysMax) {
    throw invalid(`${numbered.length} keys`, `1 to ${keysMax}, one a line`)
  }
  return numbered.map(({ line, number }) => {
    const bytes = Buffer.from(line, 'base64url')
    if (!keyPattern.test(line) || bytes.toString('base64url') !== line) {
      throw invalid(`no key in line ${number}`, '43 characters of base64url: 32 bytes')
    }
    return masterKeyOf(bytes)
  })
}

/** The inverse of `parseMasterKeys`. */
export function formatMasterKeys(keys: readonly MasterKey[]): string {
  return keys.map(({ bytes }) => `${bytes.toString('base64url')}\n`).join('')
}

function masterKeyOf(bytes: Buffer): MasterKey {
  const id = createHash('sha256').update('lanista master key\0').update(bytes).digest('hex').slice(0, 16)
  return { id, bytes }
}

function invalid(found: string, expected: string): LanistaError {
  return new LanistaError('MASTER_KEY_INVALID', `correct the master key's file: found ${found}, expected ${expected}`)
}
