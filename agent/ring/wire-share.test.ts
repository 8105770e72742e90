import { expect, test } from 'vitest'
import { WireShare } from './wire-share.ts'

test('a share of the wire is spent and earned back, up to its burst', () => {
  const share = new WireShare(1000, 500, 0)
  expect(share.isOpen(0)).toBe(true)
  share.spend(700)
  expect(share.isOpen(100)).toBe(false)
  expect(share.isOpen(201)).toBe(true)
  share.isOpen(100_000)
  share.spend(500)
  expect(share.isOpen(100_000)).toBe(false)
})
