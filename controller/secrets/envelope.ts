/**
 * A secret at rest: AES-256-GCM with a key of its own, and that key sealed by a master key. Rotating the master key changes the
 * small seal only. Both boxes are bound to what they belong to: a row under another name, or of another tenant, opens nothing.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { LanistaError } from '#protocol/errors.ts'
import type { MasterKey } from './master-key.ts'

/** Whose secret it is, and what it is called there. */
export interface SecretId {
  readonly tenant: string
  readonly name: string
}

/** What lies on disk. Boxes are base64url of nonce (12 bytes), tag (16), ciphertext. */
export interface Envelope {
  /** Of the master key that sealed the data key. */
  readonly keyId: string
  /** The data key, sealed. */
  readonly key: string
  /** The secret, sealed by the data key. */
  readonly body: string
}

const algorithm = 'aes-256-gcm'
const nonceBytes = 12
const tagBytes = 16
const dataKeyBytes = 32

/** Seals text under a new data key. */
export function sealSecret(id: SecretId, text: string, master: MasterKey): Envelope {
  const dataKey = randomBytes(dataKeyBytes)
  try {
    return {
      keyId: master.id,
      key: seal(dataKey, master.bytes, keyContext(id, master.id)),
      body: seal(Buffer.from(text, 'utf8'), dataKey, bodyContext(id)),
    }
  } finally {
    dataKey.fill(0)
  }
}

/** The text. Throws SECRET_KEY_MISSING when no key is the one that sealed it, SECRET_DAMAGED when it was changed or is not of this id. */
export function openSecret(id: SecretId, envelope: Envelope, keys: readonly MasterKey[]): string {
  const dataKey = openDataKey(id, envelope, keys)
  try {
    return open(id, envelope.body, dataKey, bodyContext(id)).toString('utf8')
  } finally {
    dataKey.fill(0)
  }
}

/** The same secret with its data key sealed by `master`. Throws as `openSecret`, but does not look at the body. */
export function resealSecret(
  id: SecretId,
  envelope: Envelope,
  master: MasterKey,
  keys: readonly MasterKey[],
): Envelope {
  const dataKey = openDataKey(id, envelope, keys)
  try {
    return { ...envelope, keyId: master.id, key: seal(dataKey, master.bytes, keyContext(id, master.id)) }
  } finally {
    dataKey.fill(0)
  }
}

function openDataKey(id: SecretId, { keyId, key }: Envelope, keys: readonly MasterKey[]): Buffer {
  const master = keys.find((candidate) => candidate.id === keyId)
  if (master) return open(id, key, master.bytes, keyContext(id, keyId))
  throw new LanistaError(
    'SECRET_KEY_MISSING',
    `put the master key ${keyId} into the key file, or set the secret ${id.name} again: found keys ${keys.map((each) => each.id).join(', ')}, expected ${keyId}`,
    { data: { ...id, keyId } },
  )
}

function seal(plain: Buffer, key: Buffer, context: Buffer): string {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes }).setAAD(context)
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url')
}

function open(id: SecretId, box: string, key: Buffer, context: Buffer): Buffer {
  try {
    const bytes = Buffer.from(box, 'base64url')
    const decipher = createDecipheriv(algorithm, key, bytes.subarray(0, nonceBytes), { authTagLength: tagBytes })
    decipher.setAAD(context).setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes))
    return Buffer.concat([decipher.update(bytes.subarray(nonceBytes + tagBytes)), decipher.final()])
  } catch (cause) {
    throw new LanistaError(
      'SECRET_DAMAGED',
      `set the secret ${id.name} again: found a row that was changed, or is another secret's`,
      { cause, data: { ...id } },
    )
  }
}

function bodyContext({ tenant, name }: SecretId): Buffer {
  return Buffer.from(`lanista secret 1\0body\0${tenant}\0${name}`)
}

function keyContext({ tenant, name }: SecretId, keyId: string): Buffer {
  return Buffer.from(`lanista secret 1\0key\0${tenant}\0${name}\0${keyId}`)
}
