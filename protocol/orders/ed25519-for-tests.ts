import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import type { Verify } from './envelope-decoder.ts'
import type { Sign } from './envelope-encoder.ts'

const privateDer = Buffer.from('302e020100300506032b657004220420', 'hex')

/** A key pair that is the same for the same seed, so that fixtures can be kept. */
export function ed25519ForTests(seed: number): { readonly sign: Sign; readonly verify: Verify } {
  const der = Buffer.concat([privateDer, Buffer.alloc(32, seed)])
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  const publicKey = createPublicKey(key)
  return {
    sign: (data) => sign(null, data, key).toString('base64url'),
    verify: (data, signature) => verify(null, data, publicKey, Buffer.from(signature, 'base64url')),
  }
}
