import { createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { signatureOf } from './signature.ts'

test('a receiver that knows the secret finds the same signature, and none of another body, time or secret', () => {
  const header = signatureOf('secret', '[1]', 1_700_000_000_999)
  const hex = createHmac('sha256', 'secret').update('1700000000.[1]').digest('hex')
  expect(header).toBe(`t=1700000000,v1=${hex}`)
  const others = [
    signatureOf('secret', '[2]', 1_700_000_000_999),
    signatureOf('secret', '[1]', 1_700_000_001_000),
    signatureOf('other', '[1]', 1_700_000_000_999),
  ]
  for (const other of others) expect(other.split(',')[1]).not.toBe(`v1=${hex}`)
})
