import { describe, expect, it } from 'vitest'
import { cpuShares, parseCpuStat } from './cpu-stat.ts'
import { diskNames, parseDiskLine } from './diskstats.ts'
import { meminfoBytes } from './meminfo.ts'
import { parseMountinfo } from './mountinfo.ts'
import { parseNetDev } from './net-dev.ts'

describe('/proc/stat', () => {
  it('is read from kernels with fewer modes, without an end of line, without cores', () => {
    expect(parseCpuStat('cpu  1 2 3 4', false)).toEqual({
      total: [1, 2, 3, 4, 0, 0, 0, 0],
      coreCount: 0,
      cores: new Map(),
    })
    expect(parseCpuStat('', true).total).toBeUndefined()
    expect(parseCpuStat('cpu  a b\n', true).total).toBeUndefined()
  })

  it('counts a mode that runs backwards as nothing, and the shares still make a whole', () => {
    const shares = cpuShares([0, 0, 0, 100, 50, 0, 0, 0], [60, 0, 0, 140, 40, 0, 0, 0])
    expect(shares?.modes).toEqual([60, 0, 0, 40, 0, 0, 0, 0])
    expect(shares?.usage).toBe(60)
  })

  it('has no shares where no time passed', () => {
    expect(cpuShares([5, 5], [5, 5])).toBeUndefined()
  })
})

it.each([
  ['MemTotal', 1024],
  ['Cached', 3072],
  ['Huge', undefined],
  ['Total', undefined],
  ['Gone', undefined],
])('/proc/meminfo %s is %s bytes', (name, bytes) => {
  expect(meminfoBytes('MemTotal:       1 kB\nSwapCached:  9 kB\nCached:   3 kB\nHuge: x kB\n', name)).toBe(bytes)
})

it('/proc/diskstats is read by device, whole names only', () => {
  const text = '   8       0 sda 1 2 3 4 5 6 7 8 9 10 11\n   8       1 sda1 9 9 9 9 9 9 9 9 9 9 9\n  11       0 sr0\n'
  expect(diskNames(text)).toEqual(['sda', 'sda1', 'sr0'])
  expect(parseDiskLine(text, 'sda')).toEqual({
    readBytes: 1536,
    writeBytes: 3584,
    readOperations: 1,
    writeOperations: 5,
    busyMs: 10,
  })
  expect(parseDiskLine(text, 'sd')).toBeUndefined()
  expect(parseDiskLine(text, 'sr0')).toBeUndefined()
})

it('/proc/net/dev is read with and without a blank after the name, aliases included', () => {
  const numbers = Array.from({ length: 16 }, (_, index) => index).join(' ')
  const found = parseNetDev(`  face |bytes\n eth0:${numbers}\neth0:1: ${numbers}\nbad: 1 2\n`)
  expect([...found.keys()]).toEqual(['eth0', 'eth0:1'])
  expect(found.get('eth0')).toEqual({ rxBytes: 0, rxPackets: 1, txBytes: 8, txPackets: 9, errors: 12, dropped: 14 })
})

it('mountinfo undoes the escapes of the kernel and bears optional fields', () => {
  expect(parseMountinfo('1 2 8:1 / /a\\040b\\134c rw shared:1 master:2 - ext4 /dev/x\\011y rw,noatime\nx\n')).toEqual([
    { device: '8:1', point: '/a b\\c', type: 'ext4', source: '/dev/x\ty', options: ['rw', 'noatime'] },
  ])
})
