import { rmSync, symlinkSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { FixtureTree, linesOf, quietSignal, type TreeName } from './fixture-tree.ts'
import { instanceSensor, type RunningInstance } from './instance.ts'
import type { OpenSensor } from './sensor.ts'

const container = '47a6abc9ea74d69439a69edac9deb52ef54ed95b249f50bc416c6fc5b215c30e'
const v1 = (controller: string, file: string): string => `sys/fs/cgroup/${controller}/docker/${container}/${file}`
const v2 = (file: string): string => `sys/fs/cgroup/system.slice/docker-${container}.scope/${file}`

const web: RunningInstance = {
  application: 'shop',
  component: 'web',
  instance: 'shop-web-1',
  processes: [22075],
  hasOwnCgroup: true,
}
const database: RunningInstance = {
  application: 'shop',
  component: 'db',
  instance: 'shop-db-1',
  processes: [32646],
  hasOwnCgroup: false,
}
const tags = ';application=shop;component=web;instance=shop-web-1'
const databaseTags = ';application=shop;component=db;instance=shop-db-1'

const trees: FixtureTree[] = []
const open: OpenSensor[] = []

afterEach(async () => {
  for (const sensor of open.splice(0)) await sensor.close()
  for (const tree of trees.splice(0)) tree.remove()
})

interface Stage {
  readonly tree: FixtureTree
  /** Instances that run at the next read. */
  running: readonly RunningInstance[]
  /** The next read, an interval or another time later, without the tags of `web`. */
  readonly read: (afterMs?: number) => Promise<string[]>
}

function start(name: TreeName, ...running: readonly RunningInstance[]): Stage {
  const tree = new FixtureTree(name)
  trees.push(tree)
  const sensor = tree.open(instanceSensor(() => stage.running))
  open.push(sensor)
  const stage: Stage = {
    tree,
    running,
    read: async (afterMs = 10_000) => {
      await tree.clock.advance(afterMs)
      return linesOf(await sensor.read(quietSignal())).map((line) => line.replace(tags, ''))
    },
  }
  return stage
}

describe('an instance with a cgroup of version 1', () => {
  it('tells memory apart from page cache and limit at once, rates from the second read on', async () => {
    const { tree, read } = start('cgroup1', web)
    expect(await read()).toEqual([
      'instance.memory.usage 1.4221 percent',
      'instance.memory.working_set 954368 bytes',
      'instance.memory.anonymous 114688 bytes',
      'instance.memory.cache 2179072 bytes',
      'instance.memory.limit 67108864 bytes',
      'instance.processes 2 count',
      'instance.threads 2 count',
    ])
    tree.write(v1('cpuacct', 'cpuacct.usage'), '15536133098\n')
    tree.write('proc/22075/io', 'rchar: 9\nread_bytes: 163840\nwrite_bytes: 20975616\ncancelled_write_bytes: 5\n')
    tree.write('proc/22075/net/dev', `lo: ${'9 '.repeat(16)}\neth0: 2492 18 0 0 0 0 0 0 536 4 0 0 0 0 0 0\n`)
    const lines = await read()
    expect(lines[0]).toBe('instance.cpu.usage 150 percent')
    expect(lines.slice(-4)).toEqual([
      'instance.disk.read 8192 bytes_per_second',
      'instance.disk.write 0 bytes_per_second',
      'instance.network.rx 100 bytes_per_second',
      'instance.network.tx 20 bytes_per_second',
    ])
  })

  it('has no limit where the kernel says the largest number', async () => {
    const { tree, read } = start('cgroup1', web)
    tree.write(v1('memory', 'memory.stat'), 'total_inactive_file 1\nhierarchical_memory_limit 9223372036854771712\n')
    expect((await read()).filter((line) => /limit|memory.usage/.test(line))).toEqual([])
  })

  it('has no traffic of its own in the network of the machine', async () => {
    const { tree, read } = start('cgroup1', web)
    rmSync(`${tree.root}/proc/22075/ns/net`)
    symlinkSync('net:[4026531840]', `${tree.root}/proc/22075/ns/net`)
    rmSync(`${tree.root}/proc/self/ns/net`)
    symlinkSync('net:[4026531840]', `${tree.root}/proc/self/ns/net`)
    await read()
    const lines = await read()
    expect(lines).toContain('instance.cpu.usage 0 percent')
    expect(lines.filter((line) => line.includes('network'))).toEqual([])
  })

  it('says nothing of what its kernel does not tell, never 0', async () => {
    const { tree, read } = start('cgroup1', web)
    rmSync(`${tree.root}/sys/fs/cgroup/memory`, { recursive: true })
    tree.write(v1('cpuacct', 'cpuacct.usage'), '')
    rmSync(`${tree.root}/proc/22075/io`)
    await read()
    expect((await read()).map((line) => line.split(' ')[0])).toEqual([
      'instance.processes',
      'instance.threads',
      'instance.network.rx',
      'instance.network.tx',
    ])
  })
})

describe('an instance with a cgroup of version 2', () => {
  it('reports the same, and block I/O from the cgroup, over all devices', async () => {
    const { tree, read } = start('cgroup2', web)
    expect(await read()).toEqual([
      'instance.memory.usage 2.0386 percent',
      'instance.memory.working_set 1368064 bytes',
      'instance.memory.anonymous 114688 bytes',
      'instance.memory.cache 20971520 bytes',
      'instance.memory.limit 67108864 bytes',
      'instance.processes 2 count',
      'instance.threads 2 count',
    ])
    tree.write(v2('cpu.stat'), 'usage_usec 5023231\nuser_usec 1\n')
    tree.write(v2('io.stat'), '254:0 rbytes=81920 wbytes=20981760 rios=1\n8:16 rbytes=14336 wbytes=0\n')
    tree.write(v2('memory.max'), 'max\n')
    const lines = await read()
    expect(lines).toContain('instance.cpu.usage 50 percent')
    expect(lines).toContain('instance.disk.read 1024 bytes_per_second')
    expect(lines).toContain('instance.disk.write 1024 bytes_per_second')
    expect(lines.filter((line) => /limit|memory.usage/.test(line))).toEqual([])
  })

  it('counts threads, and not processes, where all are in cgroups below', async () => {
    const { tree, read } = start('cgroup2', web)
    tree.write(v2('cgroup.procs'), '')
    const lines = await read()
    expect(lines).toContain('instance.threads 2 count')
    expect(lines.filter((line) => line.startsWith('instance.processes'))).toEqual([])
  })
})

describe('an instance that is metered every second', () => {
  const memory = (name: string, bytes: number): string => `instance.memory.${name} ${bytes} bytes`

  it('has the threads and processes it had, until it has run', async () => {
    const { tree, read } = start('cgroup1', web)
    await read(1000)
    tree.write(v1('pids', 'pids.current'), '3\n')
    tree.write(v1('pids', 'cgroup.procs'), '22075\n22079\n22080\n')
    expect(await read(1000)).toContain('instance.processes 2 count')
    tree.write(v1('cpuacct', 'cpuacct.usage'), '15536133098\n')
    const lines = await read(1000)
    expect(lines).toContain('instance.processes 3 count')
    expect(lines).toContain('instance.threads 3 count')
  })

  it('has the division of its memory that it had, until that has moved by a hundredth', async () => {
    const { tree, read } = start('cgroup1', web)
    await read(1000)
    tree.write(v1('memory', 'memory.stat'), 'total_inactive_file 0\ntotal_cache 4096\n')
    tree.write(v1('memory', 'memory.usage_in_bytes'), '3055616\n')
    const little = await read(1000)
    expect(little).toContain(memory('working_set', 958_464))
    expect(little).toContain(memory('cache', 2_179_072))
    tree.write(v1('memory', 'memory.usage_in_bytes'), '4051520\n')
    const much = await read(1000)
    expect(much).toContain(memory('working_set', 4_051_520))
    expect(much).toContain(memory('cache', 4096))
  })

  it('is read whole every few seconds, whatever it did', async () => {
    const { tree, read } = start('cgroup1', web)
    await read(1000)
    tree.write(v1('memory', 'memory.stat'), 'total_inactive_file 0\ntotal_cache 4096\n')
    tree.write(v1('pids', 'pids.current'), '3\n')
    await read(7000)
    const lines = await read(1000)
    expect(lines).toContain(memory('cache', 4096))
    expect(lines).toContain('instance.threads 3 count')
  })
})

describe('an instance that is gone', () => {
  it('is not available, and no error, when its cgroup vanishes between two reads, and comes back with new rates', async () => {
    const { tree, read } = start('cgroup2', web)
    await read()
    tree.write(v2('cgroup.procs'), '')
    tree.write(v2('pids.current'), '0\n')
    expect(await read()).toEqual(['unavailable: nothing can be read of 1 running instances'])
    tree.write(v2('cgroup.procs'), '22075\n')
    tree.write(v2('pids.current'), '1\n')
    expect((await read()).filter((line) => line.includes('per_second'))).toEqual([])
    expect((await read()).filter((line) => line.includes('per_second'))).toHaveLength(4)
  })

  it.each([
    ['that has ended', { ...web, processes: [4711] }],
    ['that nobody knows', { ...web, processes: [] }],
    ['without a cgroup', { ...database, processes: [4711] }],
  ])('is not available with a main process %s', async (_, one) => {
    expect(await start('cgroup1', one).read()).toEqual(['unavailable: nothing can be read of 1 running instances'])
  })

  it.each(['/', '/../other'])('is never taken for what is in the cgroup %s', async (path) => {
    const { tree, read } = start('cgroup2', web)
    tree.write('proc/22075/cgroup', `0::${path}\n`)
    tree.write('sys/fs/cgroup/cgroup.procs', '1\n')
    tree.write('sys/fs/other/cgroup.procs', '1\n')
    expect(await read()).toEqual(['unavailable: nothing can be read of 1 running instances'])
  })

  it('disturbs no other', async () => {
    const { read } = start('cgroup1', { ...web, instance: 'gone', processes: [4711] }, web, database)
    const lines = await read()
    expect(lines).toContain('instance.processes 2 count')
    expect(lines).toContain(`instance.processes${databaseTags} 2 count`)
    expect(lines.filter((line) => line.includes('gone'))).toEqual([])
  })

  it('leaves nothing when the list no longer has it', async () => {
    const stage = start('cgroup1', web, database)
    await stage.read()
    stage.running = []
    expect(await stage.read()).toEqual(['unavailable: no instance runs here'])
  })

  it('gives no rate across a start with another main process', async () => {
    const stage = start('cgroup1', web)
    await stage.read()
    stage.running = [{ ...web, processes: [32646] }]
    stage.tree.write('proc/32646/cgroup', `2:cpuacct:/docker/${container}\n8:pids:/docker/${container}\n`)
    expect((await stage.read()).filter((line) => /cpu|per_second/.test(line))).toEqual([])
  })
})

describe('an instance without a cgroup of its own', () => {
  const stat = (pid: number, session: number, ticks: number, state = 'S'): string =>
    `${pid} (a ) b) ${state} 1 ${session} ${session} 0 -1 0 0 0 0 0 ${ticks} 0 0 0 20 0 3 0 1718738 0\n`
  const only = (lines: readonly string[], name: string): string | undefined =>
    lines.find((line) => line.startsWith(name))?.replace(databaseTags, '')

  it('is the sum of its processes and of their sessions; shared memory counts once', async () => {
    expect(await start('cgroup1', database).read()).toEqual([
      `instance.memory.working_set${databaseTags} 2043904 bytes`,
      `instance.memory.anonymous${databaseTags} 225280 bytes`,
      `instance.processes${databaseTags} 2 count`,
      `instance.threads${databaseTags} 2 count`,
    ])
  })

  it('goes on when a child has ended and its time is in its parent', async () => {
    const { tree, read } = start('cgroup1', database)
    tree.write('proc/32648/stat', stat(32648, 32646, 300))
    await read()
    rmSync(`${tree.root}/proc/32648`, { recursive: true })
    tree.write('proc/32646/stat', stat(32646, 32646, 804))
    const lines = await read()
    expect(only(lines, 'instance.cpu')).toBe('instance.cpu.usage 50 percent')
    expect(only(lines, 'instance.processes')).toBe('instance.processes 1 count')
    expect(only(lines, 'instance.threads')).toBe('instance.threads 3 count')
  })

  it('gives no rate where a process ends that was waited for elsewhere', async () => {
    const { tree, read } = start('cgroup1', database)
    tree.write('proc/32648/stat', stat(32648, 32646, 300))
    await read()
    rmSync(`${tree.root}/proc/32648`, { recursive: true })
    expect(only(await read(), 'instance.cpu')).toBeUndefined()
    expect(only(await read(), 'instance.cpu')).toBe('instance.cpu.usage 0 percent')
  })

  it('takes the past of a process that is found late for no growth', async () => {
    const stage = start('cgroup1', database)
    stage.tree.write('proc/500/stat', stat(500, 500, 9000))
    await stage.read()
    stage.running = [{ ...database, processes: [32646, 500] }]
    expect(only(await stage.read(), 'instance.cpu')).toBeUndefined()
    const lines = await stage.read()
    expect(only(lines, 'instance.cpu')).toBe('instance.cpu.usage 0 percent')
    expect(only(lines, 'instance.processes')).toBe('instance.processes 3 count')
  })

  it('takes in at once what it starts', async () => {
    const { tree, read } = start('cgroup1', database)
    await read()
    tree.write('proc/600/stat', stat(600, 32646, 200))
    expect(only(await read(), 'instance.cpu')).toBe('instance.cpu.usage 20 percent')
  })

  it('counts the time of a process that nobody has waited for, and not the process', async () => {
    const { tree, read } = start('cgroup1', database)
    await read()
    tree.write('proc/32648/stat', stat(32648, 32646, 100, 'Z'))
    const lines = await read()
    expect(only(lines, 'instance.cpu')).toBe('instance.cpu.usage 10 percent')
    expect(only(lines, 'instance.processes')).toBe('instance.processes 1 count')
  })
})
