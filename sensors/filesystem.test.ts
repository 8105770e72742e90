import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { filesystemSensor, openFilesystem } from './filesystem.ts'
import { FixtureTree, linesOf, quietSignal } from './fixture-tree.ts'
import { mayHang, reportedMounts } from './mount-filter.ts'
import { mountOf, parseMountinfo } from './mountinfo.ts'
import type { OpenSensor } from './sensor.ts'
import { type FilesystemSize, type StatfsCall, type StatfsWays, statfsWays } from './statfs.ts'

const mountinfo = new URL('../test/fixtures/proc-big/proc/self/mountinfo', import.meta.url)
const size: FilesystemSize = { totalBytes: 1000, freeBytes: 400, availableBytes: 300, inodes: 100, inodesFree: 75 }
const cleanups: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0)) await clean()
})

/** Ways that answer at once, but for mounts named as hanging. */
class FakeWays implements StatfsWays {
  readonly hanging = new Set<string>()
  readonly asked: string[] = []
  readonly #waiting = new Map<string, (answer: FilesystemSize) => void>()

  inProcess(point: string): StatfsCall {
    return this.#ask(`thread ${point}`, point)
  }

  inChild(point: string): StatfsCall {
    return this.#ask(`child ${point}`, point)
  }

  /** The server is back. */
  release(point: string): void {
    this.hanging.delete(point)
    this.#waiting.get(point)?.(size)
  }

  #ask(how: string, point: string): StatfsCall {
    this.asked.push(how)
    const answer = this.hanging.has(point)
      ? new Promise<FilesystemSize>((resolve) => this.#waiting.set(point, resolve))
      : Promise.resolve(size)
    return { answer, abandon: () => {} }
  }
}

function start(parameters: unknown): { tree: FixtureTree; ways: FakeWays; sensor: OpenSensor } {
  const tree = new FixtureTree('big')
  const ways = new FakeWays()
  const sensor = openFilesystem(filesystemSensor.parse(parameters), tree.deps, ways)
  cleanups.push(
    () => tree.remove(),
    () => sensor.close(),
  )
  return { tree, ways, sensor }
}

/** Reads while time passes. */
async function readFor(ms: number, tree: FixtureTree, sensor: OpenSensor): Promise<string[]> {
  const outcome = sensor.read(quietSignal())
  await tree.clock.advance(0)
  await tree.clock.advance(ms)
  return linesOf(await outcome)
}

describe('which mounts are reported', () => {
  const mounts = parseMountinfo(readFileSync(mountinfo, 'utf8'))

  it('each filesystem once, none that is read-only by nature, in memory, a container or an automounter', () => {
    expect(reportedMounts(mounts).map(({ point }) => point)).toEqual([
      '/',
      '/data',
      '/media/my disk',
      '/nfs/shared',
      '/nfs/old',
      '/mnt/sshfs',
    ])
  })

  it('an overlay only as the root', () => {
    const overlay = (point: string) => ({ device: '0:9', point, type: 'overlay', source: 'overlay', options: [] })
    expect(reportedMounts([overlay('/'), overlay('/var/x')])).toEqual([overlay('/')])
  })

  it('network and FUSE mounts may hang', () => {
    const points = mounts.filter(mayHang).map(({ point }) => point)
    expect(points).toEqual(['/nfs/shared', '/nfs/old', '/mnt/sshfs'])
  })

  it.each([
    ['/data/x/y', '/data'],
    ['/database', '/'],
    ['/mnt/covered/f', '/mnt/covered'],
    ['/', '/'],
  ])('%s is on %s', (path, point) => {
    expect(mountOf(path, mounts)?.point).toBe(point)
  })

  it('of two mounts on one point the later one holds the path', () => {
    expect(mountOf('/mnt/covered', mounts)?.type).toBe('tmpfs')
  })
})

describe('the filesystem sensor', () => {
  it('reports sizes as df does, and asks mounts that may hang through a child', async () => {
    const { tree, ways, sensor } = start({})
    const lines = await readFor(0, tree, sensor)
    expect(lines.filter((line) => line.includes('mount=/ '))).toEqual([
      'filesystem.free;mount=/ 300 bytes',
      'filesystem.used;mount=/ 600 bytes',
      'filesystem.total;mount=/ 1000 bytes',
      'filesystem.usage;mount=/ 66.6667 percent',
      'filesystem.inodes_free;mount=/ 75 count',
      'filesystem.inodes_usage;mount=/ 25 percent',
    ])
    expect(lines).toContain('filesystem.total;mount=/media/my_disk 1000 bytes')
    expect(lines).toContain('filesystem.mount_stuck;mount=/nfs/shared 0 boolean')
    expect(ways.asked).toContain('thread /data')
    expect(ways.asked).toContain('child /mnt/sshfs')
  })

  it('marks a mount that hangs, leaves it alone until its call returns, and goes on with the others', async () => {
    const { tree, ways, sensor } = start({})
    ways.hanging.add('/nfs/shared')
    const first = await readFor(1000, tree, sensor)
    expect(first).toContain('filesystem.mount_stuck;mount=/nfs/shared 1 boolean')
    expect(first).toContain('filesystem.total;mount=/mnt/sshfs 1000 bytes')
    const second = await readFor(0, tree, sensor)
    expect(second).toContain('filesystem.mount_stuck;mount=/nfs/shared 1 boolean')
    expect(ways.asked.filter((asked) => asked.endsWith('/nfs/shared'))).toHaveLength(1)
    ways.release('/nfs/shared')
    await tree.clock.advance(0)
    expect(await readFor(0, tree, sensor)).toContain('filesystem.mount_stuck;mount=/nfs/shared 0 boolean')
  })

  it('lets at most one of its own threads hang, whatever the disks do', async () => {
    const { tree, ways, sensor } = start({})
    for (const point of ['/', '/data', '/media/my disk']) ways.hanging.add(point)
    await readFor(3000, tree, sensor)
    await readFor(3000, tree, sensor)
    expect(ways.asked.filter((asked) => asked.startsWith('thread'))).toEqual(['thread /'])
  })

  it('takes one path, by the mount that holds it, and refuses to trigger an automount', async () => {
    const { tree, sensor } = start({ fs_root: '/data/x', unit: 'kb' })
    expect((await readFor(0, tree, sensor))[0]).toBe('filesystem.free;mount=/data 0.293 kibibytes')
    const automount = start({ path: '/home/someone' })
    expect(await readFor(0, automount.tree, automount.sensor)).toEqual([
      'unavailable: no filesystem mounted for /home/someone',
    ])
  })

  it('tells whether an expected mount is there', async () => {
    const { tree, sensor } = start({ expect: ['/data', '/backup'] })
    const lines = await readFor(0, tree, sensor)
    expect(lines.slice(0, 2)).toEqual([
      'filesystem.mounted;mount=/data 1 boolean',
      'filesystem.mounted;mount=/backup 0 boolean',
    ])
  })

  it('counts the mounts it leaves out', async () => {
    const { tree, sensor } = start({})
    const mounts = Array.from({ length: 40 }, (_, index) => `1 1 8:${index} / /m${index} rw - ext4 /dev/s${index} rw\n`)
    tree.write('proc/self/mountinfo', mounts.join(''))
    expect(await readFor(0, tree, sensor)).toContain('filesystem.mounts_left_out 8 count')
  })

  it('asks the same through a thread and through a child', async () => {
    const [thread, child] = await Promise.all([statfsWays.inProcess('/').answer, statfsWays.inChild('/').answer])
    expect(child.totalBytes).toBe(thread.totalBytes)
    expect(child.inodes).toBe(thread.inodes)
    await expect(statfsWays.inChild('/no/such/place').answer).rejects.toThrow('stat -f')
  })
})
