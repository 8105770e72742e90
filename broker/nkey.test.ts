import { fromPublic, fromSeed } from 'nkeys.js'
import { describe, expect, it } from 'vitest'
import { generateNkey, nkeyFromSeed, nkeyVerifier } from './nkey.ts'

const data = Buffer.from('a nonce')

describe('nkeys by node:crypto', () => {
  it('agree with nkeys.js on keys, text and signatures', () => {
    for (let i = 0; i < 5; i++) {
      const ours = generateNkey()
      const theirs = fromSeed(Buffer.from(ours.seed))
      expect(ours.publicKey).toBe(theirs.getPublicKey())
      expect(Buffer.from(ours.sign(data), 'base64url').equals(theirs.sign(data))).toBe(true)
      expect(fromPublic(ours.publicKey).verify(data, Buffer.from(ours.sign(data), 'base64url'))).toBe(true)
    }
  })

  it('come back from their seed', () => {
    const pair = generateNkey()
    expect(nkeyFromSeed(`${pair.seed}\n`).publicKey).toBe(pair.publicKey)
  })

  it('verify their own signatures and no others', () => {
    const [one, other] = [generateNkey(), generateNkey()]
    const check = nkeyVerifier(one.publicKey)
    expect(check(data, one.sign(data))).toBe(true)
    expect(check(data, other.sign(data))).toBe(false)
    expect(check(Buffer.from('other'), one.sign(data))).toBe(false)
    expect(check(data, 'nonsense')).toBe(false)
  })

  it.each(['', 'SU', 'SUAAAAAAAAAA', 'lower', generateNkey().publicKey])(
    'refuse the seed %j without showing it',
    (seed) => {
      expect(() => nkeyFromSeed(seed)).toThrow(expect.objectContaining({ code: 'NKEY_INVALID' }))
      if (seed) expect(() => nkeyFromSeed(seed)).not.toThrow(new RegExp(`found ${seed}`))
    },
  )

  it('refuse a public key with one letter changed', () => {
    const { publicKey } = generateNkey()
    const changed = publicKey.slice(0, 10) + (publicKey[10] === 'A' ? 'B' : 'A') + publicKey.slice(11)
    expect(() => nkeyVerifier(changed)).toThrow(expect.objectContaining({ code: 'NKEY_INVALID' }))
    expect(() => nkeyVerifier(generateNkey().seed)).toThrow(expect.objectContaining({ code: 'NKEY_INVALID' }))
  })
})
