import { expect, test } from 'vitest'
import { parseKernelDrops } from './kernel-drops.ts'

const table = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  391: 0100007F:07D3 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 16871 2 0000000000000000 42
  392: 0200007F:07D3 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 16872 2 0000000000000000 3
  516: 00000000:0044 00000000:07D3 07 00000000:00000000 00:00000000 00000000     0        0 12312 2 0000000000000000 7
`

test('kernel drops are those of the sockets bound to the port', () => {
  expect(parseKernelDrops(table, 2003)).toBe(45)
  expect(parseKernelDrops(table, 68)).toBe(7)
  expect(parseKernelDrops(table, 2004)).toBe(0)
})
