import * as fc from 'fast-check'
import { expect, it, test } from 'vitest'
import { openSecret, resealSecret, sealSecret } from './envelope.ts'
import { formatMasterKeys, generateMasterKey, parseMasterKeys } from './master-key.ts'

const id = { tenant: 'main', name: 'ec2' }
const [old, fresh] = [generateMasterKey(), generateMasterKey()]

test('what was sealed opens, also after its key was sealed anew', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (text) => {
      const sealed = sealSecret(id, text, old)
      expect(openSecret(id, sealed, [fresh, old])).toBe(text)
      const resealed = resealSecret(id, sealed, fresh, [fresh, old])
      expect(resealed).toEqual({ keyId: fresh.id, key: expect.any(String), body: sealed.body })
      expect(openSecret(id, resealed, [fresh])).toBe(text)
    }),
  )
})

test('the same text sealed twice looks different, and nothing of it shows', () => {
  const [one, other] = [sealSecret(id, 'correct horse', old), sealSecret(id, 'correct horse', old)]
  expect(one.body).not.toBe(other.body)
  expect(one.key).not.toBe(other.key)
  expect(Buffer.from(one.body, 'base64url').toString('latin1')).not.toContain('horse')
})

it.each([
  ['of another tenant', { ...id, tenant: 'other' }],
  ['of another name', { ...id, name: 'ec3' }],
])('a row %s opens nothing', (_name, as) => {
  expect(() => openSecret(as, sealSecret(id, 'x', old), [old])).toThrow(
    expect.objectContaining({ code: 'SECRET_DAMAGED' }),
  )
})

test('any bit changed is noticed', () => {
  const sealed = sealSecret(id, 'text', old)
  for (const part of ['key', 'body'] as const) {
    const bytes = Buffer.from(sealed[part], 'base64url')
    for (let i = 0; i < bytes.length; i++) {
      const changed = Buffer.from(bytes)
      changed.writeUInt8(changed.readUInt8(i) ^ 1, i)
      const row = { ...sealed, [part]: changed.toString('base64url') }
      expect(() => openSecret(id, row, [old])).toThrow(expect.objectContaining({ code: 'SECRET_DAMAGED' }))
    }
    const cut = { ...sealed, [part]: sealed[part].slice(0, 20) }
    expect(() => openSecret(id, cut, [old])).toThrow(expect.objectContaining({ code: 'SECRET_DAMAGED' }))
  }
})

test('another key says which one is wanted, and no secret', () => {
  expect(() => openSecret(id, sealSecret(id, 'hush', old), [fresh])).toThrow(
    expect.objectContaining({ code: 'SECRET_KEY_MISSING', message: expect.stringContaining(old.id) }),
  )
})

test('a key file is read as it was written; comments and blank lines are skipped', () => {
  expect(parseMasterKeys(`# the newest first\n\n${formatMasterKeys([fresh, old])}`)).toEqual([fresh, old])
})

it.each([
  ['nothing', ''],
  ['comments alone', '# none'],
  ['a short key', 'c2hvcnQ'],
  ['bits that mean nothing', `${'A'.repeat(42)}B`],
  ['hex', 'ab'.repeat(32)],
  ['too many keys', `${'A'.repeat(43)}\n`.repeat(17)],
])('%s is no key file, and the error quotes none of it', (_name, text) => {
  const quoted = text === '' ? '\0' : text.trim()
  expect(() => parseMasterKeys(text)).toThrow(
    expect.objectContaining({ code: 'MASTER_KEY_INVALID', message: expect.not.stringContaining(quoted) }),
  )
})
