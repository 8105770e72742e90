/** What instances in directories do wrong, and what happens to the agent: each ends in a stated result and leaves nothing behind. */
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { InstanceSpec } from '#protocol/instances/spec.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { bareSpec } from './bare-spec.ts'
import { DirectoryRuntime } from './directory-runtime.ts'
import { startAndKillAgent } from './kill-agent.ts'
import { placeVariable, readProcesses } from './marked-processes.ts'
import { hear } from './runtime-contract.ts'
import { logDefaults } from './runtime-options.ts'
import { shellCommands } from './shell-commands.ts'

const id = 'shop-db-1'
const soon = (): AbortSignal => AbortSignal.timeout(120_000)
const shell = (text: string): readonly string[] => ['/bin/sh', '-c', text]
const spec = (changes: Partial<InstanceSpec> = {}): InstanceSpec => bareSpec({ id, isolation: 'directory', ...changes })
const run = { environment: {}, timeoutMs: 60_000 }

let folder = ''
let runtime: DirectoryRuntime
const opened: DirectoryRuntime[] = []

async function open(log = logDefaults): Promise<DirectoryRuntime> {
  const deps = { clock: systemClock, logger: silentLogger }
  const one = await DirectoryRuntime.open({ folder, ...log }, deps, soon())
  opened.push(one)
  return one
}

async function marked(): Promise<readonly number[]> {
  const mark = `${placeVariable}=${folder}/`
  return (await readProcesses()).filter(({ marks }) => marks.some((one) => one.startsWith(mark))).map(({ pid }) => pid)
}

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'faults-')))
  runtime = await open()
})
afterEach(async () => {
  await runtime.destroy(id, soon())
  for (const one of opened.splice(0)) await one[Symbol.asyncDispose]()
  expect(await marked()).toEqual([])
  await rm(folder, { recursive: true })
})

it('what forks away, into sessions of its own and with a clean environment, is gone after destroy', async () => {
  await runtime.prepare(spec(), undefined, soon())
  await runtime.run(id, shell('sleep 1001 & setsid sleep 1002 & exit 0'), run, soon())
  const main = shell('setsid sleep 1003 & env -i sleep 1004 & (env -i sleep 1005 &) ; trap "" TERM; sleep 1006')
  const found = await runtime.start(id, main, { environment: {} }, soon())
  const mineNow = async (): Promise<readonly number[]> =>
    (await runtime.list(soon())).find((one) => one.id === found.id)?.processes ?? []
  await expect.poll(async () => (await mineNow()).length, { timeout: 10_000 }).toBeGreaterThanOrEqual(7)
  const mine = await mineNow()
  await runtime.destroy(id, soon())
  const alive = new Set((await readProcesses()).map(({ pid }) => pid))
  expect(mine.filter((pid) => alive.has(pid))).toEqual([])
  expect(await readdir(folder)).toEqual([])
})

it('a handler that forks and hangs is killed with all it started', async () => {
  await runtime.prepare(spec(), undefined, soon())
  const command = shell('trap "" TERM; setsid sleep 1007 & sleep 1008 & sleep 1009')
  const result = await runtime.run(id, command, { environment: {}, timeoutMs: 500 }, soon())
  expect(result).toMatchObject({ isTimedOut: true, code: null })
  await expect.poll(marked, { timeout: 10_000 }).toEqual([])
})

it('a handler that writes a gigabyte costs a page of it', async () => {
  await runtime.prepare(spec(), undefined, soon())
  const before = process.memoryUsage().rss
  const result = await runtime.run(
    id,
    shellCommands.flood(1_000_000_000),
    { environment: {}, timeoutMs: 100_000 },
    soon(),
  )
  expect(result.code).toBe(0)
  expect(result.output).toMatch(/^… \d{9} bytes left out\n/)
  expect(process.memoryUsage().rss - before).toBeLessThan(300 * 1024 ** 2)
})

it('a main process that writes a gigabyte has a log of its bound', async () => {
  const log = { logBytesMax: 1024 ** 2, logFilesMax: 2 }
  const bounded = await open(log)
  await bounded.prepare(spec(), undefined, soon())
  const ends = hear(bounded)
  await bounded.start(
    id,
    shell('dd if=/dev/zero bs=1000000 count=1000 2>/dev/null; echo; echo last'),
    { environment: {} },
    soon(),
  )
  expect(await ends.exited(id)).toMatchObject({ exit: { code: 0 } })
  await expect.poll(marked, { timeout: 30_000 }).toEqual([])
  const files = await readdir(join(folder, id, 'log'))
  const sizes = await Promise.all(files.map(async (name) => (await stat(join(folder, id, 'log', name))).size))
  expect(sizes.length).toBeLessThanOrEqual(3)
  expect(Math.max(...sizes)).toBeLessThanOrEqual(2 * 1024 ** 2)
  const lines: string[] = []
  for await (const line of bounded.readLog(id, { lines: 1, isFollowed: false }, soon())) lines.push(line)
  expect(lines).toEqual(['last'])
})

it('an agent killed at once leaves its instance running; the next one adopts it, and hears of its end', async () => {
  await startAndKillAgent('directory', folder, '', '', id)
  const next = await open()
  const [found] = await next.list(soon())
  expect(found).toMatchObject({ id, generation: 5, state: 'running' })
  const ends = hear(next)
  const again = await next.start(id, shellCommands.serve('again'), { environment: {} }, soon())
  expect(again.detail).toEqual(found?.detail)
  for (const pid of found?.processes ?? []) process.kill(pid, 'SIGKILL')
  expect(await ends.exited(id)).toMatchObject({ exit: { code: null, signal: 'SIGKILL' } })
})

it('an end that came while no agent was there is found with its code', async () => {
  await runtime.prepare(spec(), undefined, soon())
  await runtime.start(id, shell('sleep 0.5; exit 7'), { environment: {} }, soon())
  await runtime[Symbol.asyncDispose]()
  await expect
    .poll(async () => (await readFile(join(folder, id, 'control', 'exit'), 'utf8').catch(() => '')).trim())
    .toBe('7')
  const [found] = await (await open()).list(soon())
  expect(found).toMatchObject({ state: 'exited', exit: { code: 7, signal: null } })
})

it('one that ended before the machine started was ended with it, whatever its code', async () => {
  await runtime.prepare(spec(), undefined, soon())
  const ends = hear(runtime)
  await runtime.start(id, shell('exit 0'), { environment: {} }, soon())
  await ends.exited(id)
  expect((await runtime.list(soon()))[0]).toMatchObject({ state: 'exited', exit: { code: 0 } })
  const longAgo = new Date(0)
  await utimes(join(folder, id, 'control', 'exit'), longAgo, longAgo)
  expect((await runtime.list(soon()))[0]).toMatchObject({ state: 'exited', exit: { code: null, signal: null } })
})

it('one whose supervising shell was killed has ended unseen, and stop leaves none of it', async () => {
  await runtime.prepare(spec(), undefined, soon())
  const found = await runtime.start(id, shellCommands.serve('x'), { environment: {} }, soon())
  const ends = hear(runtime)
  process.kill(-Number(found.detail['supervisor']), 'SIGKILL')
  expect(await ends.exited(id)).toMatchObject({ exit: { code: null, signal: null } })
  await runtime.stop(id, 5000, soon())
  expect(await marked()).toEqual([])
})

it('a stop that comes while the main process is being started ends it', async () => {
  await runtime.prepare(spec(), undefined, soon())
  for (const start of [1, 2, 3]) {
    await runtime.start(id, shell(`sleep 100${start}`), { environment: {} }, soon())
    expect(await runtime.stop(id, 2000, soon())).toMatchObject({ signal: 'SIGTERM' })
    expect((await runtime.list(soon()))[0]).toMatchObject({ state: 'exited', processes: [] })
  }
})

it('folders that are not ours are neither listed nor touched', async () => {
  await mkdir(join(folder, 'foreign'))
  await writeFile(join(folder, 'foreign', 'kept'), 'kept')
  await mkdir(join(folder, 'damaged'))
  await writeFile(join(folder, 'damaged', 'place.json'), '{"id": "other"}')
  for (const foreign of ['foreign', 'damaged']) await runtime.destroy(foreign, soon())
  expect(await runtime.list(soon())).toEqual([])
  expect((await readdir(folder)).sort()).toEqual(['damaged', 'foreign'])
})

it('a disk that is full in the middle of an install fails the install alone, and is room again after destroy', async () => {
  const disk = join(folder, 'disk')
  await mkdir(disk)
  execFileSync('/bin/mount', ['-t', 'tmpfs', '-o', 'size=2m', 'lanista-test', disk])
  try {
    const deps = { clock: systemClock, logger: silentLogger }
    const small = await DirectoryRuntime.open({ folder: disk, ...logDefaults }, deps, soon())
    opened.push(small)
    await small.prepare(spec(), undefined, soon())
    const install = await small.run(id, shell('dd if=/dev/zero of=big bs=1000000 count=9'), run, soon())
    expect(install).toMatchObject({ code: 1, output: expect.stringMatching(/no space left/i) })
    const files = [{ path: 'big', text: 'x'.repeat(100_000), isExecutable: false }]
    const second = small.prepare(bareSpec({ id: 'shop-db-2', isolation: 'directory', files }), undefined, soon())
    await expect(second).rejects.toMatchObject({ code: 'DISK_FULL' })
    await small.destroy(id, soon())
    const found = await small.prepare(bareSpec({ id: 'shop-db-2', isolation: 'directory', files }), undefined, soon())
    expect(found).toMatchObject({ generation: 1, state: 'prepared' })
    await small.destroy('shop-db-2', soon())
    expect(await readdir(disk)).toEqual([])
  } finally {
    execFileSync('/bin/umount', [disk])
    await rm(disk, { recursive: true })
  }
})

it('memory beyond the limit is refused to its processes', async () => {
  await runtime.prepare(spec({ resources: { memoryBytes: 64 * 1024 ** 2 } }), undefined, soon())
  const ends = hear(runtime)
  await runtime.start(id, shell('exec dd if=/dev/zero of=/dev/null bs=200M count=1'), { environment: {} }, soon())
  expect(await ends.exited(id)).toMatchObject({ exit: { code: 1 } })
})
