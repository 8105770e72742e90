/** The sensors of the machine itself, read from captured trees. */
import { afterEach, describe, expect, it } from 'vitest'
import { cpuSensor } from './cpu.ts'
import { diskSensor } from './disk.ts'
import { FixtureTree, linesOf, quietSignal, type TreeName } from './fixture-tree.ts'
import { loadSensor } from './load.ts'
import { memorySensor } from './memory.ts'
import { networkSensor } from './network.ts'
import { ownProcessSensor } from './own-process.ts'
import type { OpenSensor, Sensor } from './sensor.ts'
import { swapSensor } from './swap.ts'
import { uptimeSensor } from './uptime.ts'

const trees: FixtureTree[] = []
const open: OpenSensor[] = []

afterEach(async () => {
  for (const sensor of open.splice(0)) await sensor.close()
  for (const tree of trees.splice(0)) tree.remove()
})

function start(
  name: TreeName,
  sensor: Sensor,
  parameters?: unknown,
): { tree: FixtureTree; read: () => Promise<string[]> } {
  const tree = new FixtureTree(name)
  const opened = tree.open(sensor, parameters)
  trees.push(tree)
  open.push(opened)
  return { tree, read: async () => linesOf(await opened.read(quietSignal())) }
}

describe('cpu', () => {
  it('counts cores at first and shares of time from the second read on', async () => {
    const { tree, read } = start('big', cpuSensor)
    expect(await read()).toEqual(['cpu.cores 3 count'])
    tree.write('proc/stat', 'cpu  1100 100 550 8700 250 20 50 230 30 5\ncpu0 1 1 1 1 1 1 1 1 1 1\n')
    await tree.clock.advance(10_000)
    expect(await read()).toEqual([
      'cpu.cores 1 count',
      'cpu.usage 25 percent',
      'cpu.user 10 percent',
      'cpu.nice 0 percent',
      'cpu.system 5 percent',
      'cpu.idle 70 percent',
      'cpu.iowait 5 percent',
      'cpu.irq 1 percent',
      'cpu.softirq 1 percent',
      'cpu.steal 8 percent',
    ])
  })

  it('reports each core when asked to', async () => {
    const { tree, read } = start('big', cpuSensor, { perCore: true })
    await read()
    tree.write('proc/stat', 'cpu  2000 100 500 9000 200 10 40 150\ncpu1 400 40 200 3100 100 5 10 50\n')
    await tree.clock.advance(10_000)
    const lines = await read()
    expect(lines).toContain('cpu.usage 50 percent')
    expect(lines).toContain('cpu.usage;core=1 0 percent')
    expect(lines.filter((line) => line.includes(';core=0'))).toEqual([])
  })

  it.each([
    ['a reset', 10_000, 'cpu  1 1 1 1 1 1 1 1\n'],
    ['a gap', 30_001, 'cpu  2000 100 500 9000 200 10 40 150\n'],
  ])('says nothing across %s', async (_, ms, text) => {
    const { tree, read } = start('big', cpuSensor)
    await read()
    tree.write('proc/stat', text)
    await tree.clock.advance(ms)
    expect(await read()).toEqual(['cpu.cores 0 count'])
  })
})

describe('memory and swap', () => {
  it('take what the kernel calls available as not in use', async () => {
    const { read } = start('vm', memorySensor)
    const lines = await read()
    expect(lines).toContain('memory.total 25276510208 bytes')
    expect(Number(/^memory.usage (\S+)/.exec(lines[0] ?? '')?.[1])).toBeLessThan(10)
  })

  it('count free, buffers and cache as available where the kernel does not say', async () => {
    const { read } = start('big', memorySensor)
    expect(await read()).toEqual([
      'memory.usage 50 percent',
      'memory.total 8192000000 bytes',
      'memory.available 4096000000 bytes',
      'memory.free 1024000000 bytes',
      'memory.cached 2560000000 bytes',
      'memory.buffers 512000000 bytes',
    ])
  })

  it('report swap, and no usage of none', async () => {
    expect(await start('big', swapSensor).read()).toEqual([
      'swap.usage 25 percent',
      'swap.total 4096000000 bytes',
      'swap.used 1024000000 bytes',
      'swap.free 3072000000 bytes',
    ])
    expect(await start('vm', swapSensor).read()).toEqual([
      'swap.total 0 bytes',
      'swap.used 0 bytes',
      'swap.free 0 bytes',
    ])
  })
})

describe('load and uptime', () => {
  it('are the numbers of the kernel', async () => {
    expect(await start('big', loadSensor).read()).toEqual([
      'load.1m 12.5 count',
      'load.5m 8.25 count',
      'load.15m 4 count',
    ])
    expect(await start('big', uptimeSensor).read()).toEqual(['uptime 8640000.25 seconds'])
  })
})

describe('disk', () => {
  const later =
    ' 259 0 nvme0n1 1100 5 100480 100 2000 5 160000 200 0 6000 300\n 259 1 nvme0n1p1 990 5 70000 90 1900 5 150000 190 0 4000 280\n 8 0 sda 100 0 8000 10 250 0 36480 20 0 500 30\n'

  it('reports physical whole disks and their total, in bytes and operations a second', async () => {
    const { tree, read } = start('big', diskSensor)
    expect(await read()).toEqual(['unavailable: a rate needs two reads'])
    tree.write('proc/diskstats', later)
    await tree.clock.advance(10_000)
    expect(await read()).toEqual([
      'disk.read 1048576 bytes_per_second',
      'disk.write 1048576 bytes_per_second',
      'disk.read_operations 10 operations_per_second',
      'disk.write_operations 5 operations_per_second',
      'disk.read;device=nvme0n1 1048576 bytes_per_second',
      'disk.write;device=nvme0n1 0 bytes_per_second',
      'disk.read_operations;device=nvme0n1 10 operations_per_second',
      'disk.write_operations;device=nvme0n1 0 operations_per_second',
      'disk.busy;device=nvme0n1 10 percent',
      'disk.read;device=sda 0 bytes_per_second',
      'disk.write;device=sda 1048576 bytes_per_second',
      'disk.read_operations;device=sda 0 operations_per_second',
      'disk.write_operations;device=sda 5 operations_per_second',
      'disk.busy;device=sda 0 percent',
    ])
  })

  it('takes one device, a partition too, and the unit of the seed', async () => {
    const { tree, read } = start('big', diskSensor, { fs_device: 'sda', unit: 'mb' })
    await read()
    tree.write('proc/diskstats', later)
    await tree.clock.advance(10_000)
    expect((await read())[1]).toBe('disk.write;device=sda 1 mebibytes_per_second')
    expect(await start('big', diskSensor, { device: 'sdz' }).read()).toEqual(['unavailable: no block device sdz'])
  })

  it('gives no total while one disk starts afresh', async () => {
    const { tree, read } = start('big', diskSensor)
    await read()
    tree.write('proc/diskstats', later.replace('sda 100', 'sda 1'))
    await tree.clock.advance(10_000)
    const lines = await read()
    expect(lines.filter((line) => line.startsWith('disk.read_operations'))).toEqual([
      'disk.read_operations;device=nvme0n1 10 operations_per_second',
    ])
  })
})

describe('network', () => {
  const interfaces = (lines: readonly string[]): string[] => [
    ...new Set(lines.flatMap((line) => /;interface=(\S+)/.exec(line)?.[1] ?? [])),
  ]

  it('counts each byte once: bonds by their members, bound functions by their interface, nothing virtual', async () => {
    const lines = await start('big', networkSensor).read()
    expect(interfaces(lines)).toEqual(['eth0', 'eth1', 'ens5'])
    expect(lines).toContain('network.rx_bytes 2200 bytes')
    expect(lines).toContain('network.tx_packets;interface=eth0 20 packets')
    expect(lines).toContain('network.errors;interface=eth0 4 packets')
  })

  it('reports counters at once and rates from the second read on', async () => {
    const { tree, read } = start('vm', networkSensor)
    expect((await read()).filter((line) => line.includes('per_second'))).toEqual([])
    tree.write('proc/net/dev', 'eth0: 254163495 7253 0 0 0 0 0 0 99999999 9999 0 0 0 0 0 0\n')
    await tree.clock.advance(10_000)
    const before = await read()
    expect(before.filter((line) => /network.rx .*per_second/.test(line))).toHaveLength(1)
  })

  it('takes every interface on demand, and leaves the total as it is', async () => {
    const lines = await start('big', networkSensor, { virtual: true }).read()
    expect(interfaces(lines)).toHaveLength(9)
    expect(lines).toContain('network.rx_bytes 2200 bytes')
  })

  it('takes one interface and the unit of the seed', async () => {
    const lines = await start('big', networkSensor, { net_device: 'lo', unit: 'kb' }).read()
    expect(lines[0]).toBe('network.rx_bytes;interface=lo 8.7891 kibibytes')
    expect(await start('big', networkSensor, { device: 'eth9' }).read()).toEqual([
      'unavailable: no network interface eth9',
    ])
  })

  it('falls back to names where nothing has hardware, as in a container', async () => {
    const { tree, read } = start('vm', networkSensor)
    tree.write('proc/net/dev', ['lo', 'eth7', 'veth1'].map((name) => `${name}: ${'1 '.repeat(16)}\n`).join(''))
    expect(interfaces(await read())).toEqual(['eth7'])
  })
})

describe('the agent itself', () => {
  it('reports its memory, time, descriptors', async () => {
    const { tree } = start('vm', ownProcessSensor)
    const sensor = ownProcessSensor.open(ownProcessSensor.parse({}), { ...tree.deps, root: '' })
    open.push(sensor)
    const lines = linesOf(await sensor.read(quietSignal()))
    for (const name of ['agent.rss', 'agent.heap_used', 'agent.open_fds']) {
      expect(Number(lines.find((line) => line.startsWith(name))?.split(' ')[1])).toBeGreaterThan(0)
    }
  })
})

it.each([cpuSensor, memorySensor, swapSensor, loadSensor, uptimeSensor, diskSensor, networkSensor] as Sensor[])(
  '$name is not available, and no error, where its file is missing',
  async (sensor) => {
    const { tree } = start('vm', sensor)
    const elsewhere = sensor.open(sensor.parse({}), { ...tree.deps, root: `${tree.root}/nowhere` })
    open.push(elsewhere)
    expect(await elsewhere.read(quietSignal())).toHaveProperty('unavailable')
  },
)
