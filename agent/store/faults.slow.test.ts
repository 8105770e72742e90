/** The store against real faults: SIGKILL at random moments, a disk that fills up, a disk that refuses writes. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { openStore } from './open-store.ts'

let folder: string
const children: ChildProcess[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanista-store-'))
})

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  for (const path of [folder, `${folder}.img`]) await rm(path, { recursive: true, force: true })
})

const prelude = `
import { writeSync } from 'node:fs'
const { openStore } = await import(${JSON.stringify(new URL('./open-store.ts', import.meta.url).href)})
const { systemClock } = await import(${JSON.stringify(new URL('../../protocol/runtime/clock.ts', import.meta.url).href)})
const { silentLogger } = await import(${JSON.stringify(new URL('../../protocol/runtime/logger.ts', import.meta.url).href)})
const deps = { clock: systemClock, logger: silentLogger }
// a line that does not fit into the pipe is not said: what is not acknowledged is not owed
const say = (text) => { try { writeSync(1, text + '\\n') } catch (error) { if (error.code !== 'EAGAIN') throw error } }
`

/** Runs a program against the store in a process of its own; lines of its stdout as they come. */
function run(program: string, wrap: readonly string[] = []): { child: ChildProcess; lines: AsyncIterator<string> } {
  const node = [process.execPath, '--import', 'tsx', '--input-type=module', '-e', prelude + program]
  const [command = '', ...args] = [...wrap, ...node]
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  if (!child.stdout) throw new Error('a child without stdout')
  return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() }
}

test('after SIGKILL everything that commit() answered for is there, once, and nothing else', {
  timeout: 170_000,
}, async () => {
  const acknowledged: number[] = []
  const rounds = 25
  for (let round = 0; round < rounds; round++) {
    const { child, lines } = run(`
      const store = await openStore({ folder: ${JSON.stringify(folder)} }, deps)
      const ids = Array.from({ length: 50 }, (_, i) => store.seriesId('app.m' + i + '.round${round}'))
      for (let n = 1; ; n++) {
        store.append(ids[n % 50], 1700000000000 + n, ${round} * 1e7 + n)
        if (n % 500 === 0) { await store.commit(); say(String(n)) }
      }`)
    const exited = once(child, 'exit')
    let last = 0
    const wanted = 1 + Math.floor(Math.random() * 40)
    for (let i = 0; i < wanted; i++) last = Number((await lines.next()).value)
    child.kill('SIGKILL')
    await exited
    for (let next = await lines.next(); !next.done; next = await lines.next()) last = Number(next.value)
    acknowledged.push(last)
  }
  const found: number[][] = acknowledged.map(() => [])
  const positions = new Set<number>()
  const store = await openStore({ folder }, { clock: systemClock, logger: silentLogger })
  const consumer = store.consumer('check')
  for (let batch = await consumer.next(10_000); batch; batch = await consumer.next(10_000)) {
    consumer.acknowledge([batch])
    for (let i = 0; i < batch.values.length; i++) {
      const value = batch.values[i] as number
      const round = Math.floor(value / 1e7)
      const number = value - round * 1e7
      found[round]?.push(number)
      positions.add(batch.from + i)
      expect(store.seriesEntry(batch.seriesIds[i] as number).name).toBe(`app.m${number % 50}.round${round}`)
    }
  }
  expect(consumer.lag).toBe(0)
  await store.close()
  expect(positions.size).toBe(found.reduce((sum, numbers) => sum + numbers.length, 0))
  for (const [round, numbers] of found.entries()) {
    numbers.sort((a, b) => a - b)
    expect(numbers.length).toBeGreaterThanOrEqual(acknowledged[round] as number)
    expect(numbers.every((number, i) => number === i + 1)).toBe(true)
  }
})

/** A child with its own small tmpfs at the folder: needs user namespaces, as every current Debian has them. */
function onSmallDisk(): string[] {
  return [
    'unshare',
    '--user',
    '--map-root-user',
    '--mount',
    'sh',
    '-c',
    'mount -t tmpfs -o size=16m tmpfs "$0" && exec "$@"',
    folder,
  ]
}

/** A child with an ext4 of its own at the folder, on a loop device in a mount namespace of its own: needs root. */
function onOwnDisk(): string[] {
  const make = 'dd if=/dev/zero of="$0.img" bs=1M count=32 status=none && mkfs.ext4 -q -F "$0.img"'
  return [
    'unshare',
    '--mount',
    'sh',
    '-c',
    `PATH="$PATH:/sbin:/usr/sbin"; export PATH; ${make} && ${mountImage('"$0"')} && exec "$@"`,
    folder,
  ]
}

/** Mounts the image on a device that goes when the mount goes. */
const mountImage = (where: string): string =>
  `device=$(losetup --find --show ${where}.img) && mount -o errors=remount-ro "$device" ${where} && losetup -d "$device"`

/** As an administrator mounts a disk again, on a new device so that nothing of the old mount is used. */
const mountAgain = `execFileSync('sh', ['-c', 'umount --lazy "$0" && ' + ${JSON.stringify(mountImage('"$0"'))}, folder])`

const faultProgram = (breakIt: string, healIt: string): string => `
  import { execFileSync } from 'node:child_process'
  import { closeSync, openSync, rmSync } from 'node:fs'
  setInterval(() => {}, 1000)
  const folder = ${JSON.stringify(folder)}
  const store = await openStore({ folder: folder + '/store', freeBytesMin: 65536, headSamplesMax: 1000, commitIntervalMs: 20, sync: 'always' }, deps)
  const id = store.seriesId('app.orders')
  const consumer = store.consumer('reader')
  let n = 0
  const committed = () => new Promise((resolve) => { const off = store.onCommit(() => { off(); resolve() }) })
  const feed = () => { for (let i = 0; i < 500; i++) store.append(id, 1700000000000 + n, ++n) }
  feed()
  await store.commit()
  ${breakIt}
  const dropped = () => Object.values(store.stats().dropped).reduce((a, b) => a + b)
  while (dropped() === 0) { feed(); await new Promise((resolve) => setTimeout(resolve, 10)) }
  const { dropped: during, fault } = store.stats()
  const readable = (await consumer.next(500))?.values.length ?? 0
  ${healIt}
  const back = committed()
  await back
  feed()
  await store.commit()
  const { accepted, dropped: finally_ } = store.stats()
  let got = readable
  for (let batch = await consumer.next(5000); batch; batch = await consumer.next(5000)) got += batch.values.length
  await store.close()
  say(JSON.stringify({ during, fault, readable, sent: n, accepted, dropped: finally_, got }))
  process.exit(0)
`

test.each([
  [
    'full',
    `const fill = openSync(folder + '/fill', 'w'); const junk = Buffer.alloc(65536)
     try { for (;;) writeSync(fill, junk) } catch {}
     closeSync(fill)`,
    `rmSync(folder + '/fill')`,
    'disk_full',
    onSmallDisk,
  ],
  [
    'limited',
    `execFileSync('prlimit', ['--pid', String(process.pid), '--fsize=1024:unlimited'])`,
    `execFileSync('prlimit', ['--pid', String(process.pid), '--fsize=unlimited:unlimited'])`,
    'write_failed',
    onSmallDisk,
  ],
  [
    'made read-only by the kernel',
    `execFileSync('sh', ['-c', 'echo test > /sys/fs/ext4/$(basename $(findmnt -n -o SOURCE "$0"))/trigger_fs_error', folder])`,
    mountAgain,
    'write_failed',
    onOwnDisk,
  ],
  [
    'failing every operation (EIO)',
    // EXT4_IOC_SHUTDOWN, EXT4_GOING_FLAGS_NOLOGFLUSH
    `execFileSync('perl', ['-e', 'my $flags = pack("L", 2); open(F, $ARGV[0]) && ioctl(F, 0x8004587D, $flags) or die $!', folder])`,
    mountAgain,
    'write_failed',
    onOwnDisk,
  ],
])(
  'a disk that is %s: drops are counted, reads go on, writing resumes by itself',
  async (_, breakIt, healIt, reason, disk) => {
    const { lines } = run(faultProgram(breakIt, healIt), disk())
    const outcome = JSON.parse(String((await lines.next()).value)) as {
      during: Record<string, number>
      fault: string
      readable: number
      sent: number
      accepted: number
      got: number
      dropped: Record<string, number>
    }
    expect(outcome.during[reason]).toBeGreaterThan(0)
    expect(outcome.fault).toBe(reason)
    expect(outcome.readable).toBe(500)
    expect(outcome.got).toBe(outcome.accepted)
    expect(outcome.sent).toBe(outcome.accepted + Object.values(outcome.dropped).reduce((a, b) => a + b))
  },
)
