import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { crc32c } from './crc32c.ts'

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

test.each([
  ['nothing', new Uint8Array(0), 0],
  ['the check string', ascii('123456789'), 0xe3069283],
  ['32 zeros (RFC 3720)', new Uint8Array(32), 0x8a9136aa],
  ['32 ones (RFC 3720)', new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ['0 to 31 (RFC 3720)', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
])('crc32c of %s is the published value', (_, bytes, expected) => {
  expect(crc32c(bytes)).toBe(expected)
})

test('a checksum can be continued at any place', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(60), (bytes, at) => {
      const cut = Math.min(at, bytes.length)
      expect(crc32c(bytes, cut, bytes.length, crc32c(bytes, 0, cut))).toBe(crc32c(bytes))
    }),
  )
})
