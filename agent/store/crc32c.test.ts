import { expect, test } from 'vitest'
import { crc32c } from './crc32c.ts'

test.each([
  ['123456789', 0xe306_9283],
  ['', 0],
  ['a', 0xc1d0_4330],
])('crc32c of %j', (text, sum) => {
  expect(crc32c(Buffer.from(text))).toBe(sum)
})

test('crc32c of 32 zero bytes, as RFC 3720 gives it', () => {
  expect(crc32c(new Uint8Array(32))).toBe(0x8a91_36aa)
})
