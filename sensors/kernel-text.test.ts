import { describe, expect, it } from 'vitest'
import { cgroupFolderV1, cgroupFolderV2, cgroupMounts } from './cgroup-place.ts'
import { cpuShares, parseCpuStat } from './cpu-stat.ts'
import { diskNames, parseDiskLine } from './diskstats.ts'
import { numberAfter, onlyNumber } from './kernel-number.ts'
import { meminfoBytes } from './meminfo.ts'
import { parseMountinfo } from './mountinfo.ts'
import { parseNetDev, trafficOf } from './net-dev.ts'
import { parseProcessStat } from './process-stat.ts'

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

it('/proc/net/dev is summed without loopback, and is not known where nothing else is there', () => {
  const line = (name: string, first: number): string =>
    `  ${name}: ${Array.from({ length: 16 }, (_, index) => first + index).join('   ')}\n`
  expect(trafficOf(`face |bytes\n${line('lo', 900)}${line('eth0', 1)}${line('eth0:1', 10)}`)).toEqual({
    rxBytes: 11,
    txBytes: 27,
  })
  expect(trafficOf(`eth0:${'7 '.repeat(16)}\n`)).toEqual({ rxBytes: 7, txBytes: 7 })
  expect(trafficOf(line('lo', 1))).toBeUndefined()
  expect(trafficOf('')).toBeUndefined()
})

it.each([
  ['12\n', 12],
  ['max\n', undefined],
  ['', undefined],
  ['\n', undefined],
  [undefined, undefined],
])('a file that is one number, %j, is %s', (text, value) => {
  expect(onlyNumber(text)).toBe(value)
})

it.each([
  ['rss ', 5],
  ['total_rss ', 6],
  ['ss ', undefined],
  ['bad ', undefined],
  ['gone ', undefined],
])('the number after %j at the beginning of a line is %s', (name, value) => {
  expect(numberAfter('rss 5\ntotal_rss 6\nbad x\n', name)).toBe(value)
})

it('/proc/PID/stat is read past a command of blanks and parentheses', () => {
  const text = '9 (a) b (c) S 1 7 8 0 -1 4194304 1 2 3 4 100 20 30 5 20 0 4 0 99 1 1'
  expect(parseProcessStat(text)).toEqual({ session: 8, cpuSeconds: 1.55, threads: 4, isZombie: false })
  expect(parseProcessStat(text.replace(' S ', ' Z '))?.isZombie).toBe(true)
  expect(parseProcessStat('9 (a) S 1 7')).toBeUndefined()
  expect(parseProcessStat('')).toBeUndefined()
})

it('cgroup mounts and memberships are read with several controllers on one mount, and none from outside', () => {
  const mounts = cgroupMounts(
    '33 31 0:30 / /cg/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n41 31 0:38 / /cg/unified rw - cgroup2 cgroup2 rw\n',
  )
  const membership = '3:cpu,cpuacct:/a:b\n1:name=systemd:/s\n0::/u\n'
  expect(cgroupFolderV1(membership, 'cpuacct', mounts)).toBe('/cg/cpu,cpuacct/a:b')
  expect(cgroupFolderV1(membership, 'memory', mounts)).toBeUndefined()
  expect(cgroupFolderV2(membership, mounts)).toBe('/cg/unified/u')
  expect(cgroupFolderV2('0::/\n', mounts)).toBeUndefined()
  expect(cgroupFolderV2('0::/../x\n', mounts)).toBeUndefined()
})

it('mountinfo undoes the escapes of the kernel and bears optional fields', () => {
  expect(parseMountinfo('1 2 8:1 / /a\\040b\\134c rw shared:1 master:2 - ext4 /dev/x\\011y rw,noatime\nx\n')).toEqual([
    { device: '8:1', point: '/a b\\c', type: 'ext4', source: '/dev/x\ty', options: ['rw', 'noatime'] },
  ])
})
