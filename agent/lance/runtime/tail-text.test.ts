import { expect, it } from 'vitest'
import { TailText } from './tail-text.ts'

it('keeps the end, and says how much went before it', () => {
  const tail = new TailText(4)
  for (const text of ['ab', 'cd', 'ef', 'gh', 'ij']) tail.append(Buffer.from(text))
  expect(tail.text).toBe('… 6 bytes left out\nghij')
  tail.append(Buffer.from('k'))
  expect(tail.text).toBe('… 7 bytes left out\nhijk')
})

it('keeps all of what is short', () => {
  const tail = new TailText(4)
  tail.append(Buffer.from('abcd'))
  expect(tail.text).toBe('abcd')
})
