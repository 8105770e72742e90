/**
 * Conservation, with real processes: a client sends numbered samples to an agent that also measures its machine, and the agent is killed a
 * hundred times at random moments. What is older than a commit interval at a kill is there, exactly once; nothing is invented.
 * Runs the bundle that `npm run build` makes.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { openStore } from './open-store.ts'

const kills = 100
const agents = 2
/** A commit interval, and what a busy machine may add between a client's write and the agent's read of it. */
const settledMs = 200 + 400
const startMs = 1_790_000_000_000

/** In memory, where a kill takes as much as on a disk: a commit waits for the sync before it, which the disk work of other tests can hold up. */
const place = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
const folders: string[] = []
const children = new Set<ChildProcess>()

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL')
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true })
})

/** Numbers that were sent, and when: sample n has the value n and the timestamp `startMs + 1000 × n`. */
interface Sent {
  next: number
  /** Must be there: sent long enough before the kill that followed. */
  readonly owed: number[]
}

async function startAgent(config: string): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(process.execPath, ['dist/agent.mjs', 'run', '--config', config, '--json'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  children.add(child)
  if (!child.stdout) throw new Error('a child without stdout')
  for await (const line of createInterface({ input: child.stdout })) {
    const { carbon } = JSON.parse(line) as { carbon: string }
    return { child, port: Number(carbon.split(':')[1]) }
  }
  throw new Error('the agent said nothing: run `npm run build` first')
}

/** One life: connects, sends a few numbers every few milliseconds, kills the agent after `lifeMs`. */
async function live(config: string, sent: Sent, lifeMs: number): Promise<void> {
  const { child, port } = await startAgent(config)
  const exited = once(child, 'exit')
  const socket: Socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  const times: { n: number; at: number }[] = []
  const end = performance.now() + lifeMs
  while (performance.now() < end) {
    for (let i = 0; i < 20; i++) {
      const n = sent.next++
      socket.write(`app.numbers.m${n % 10} ${n} ${startMs + 1000 * n}\n`)
      times.push({ n, at: performance.now() })
    }
    await sleep(5)
  }
  child.kill('SIGKILL')
  const killedAt = performance.now()
  await exited
  children.delete(child)
  socket.destroy()
  for (const { n, at } of times) if (killedAt - at > settledMs) sent.owed.push(n)
}

/** Every sample in the journal, in arrival order, as `name timestamp` and value. */
async function arrivals(folder: string): Promise<Map<string, number>> {
  const found = new Map<string, number>()
  await using store = await openStore({ folder }, { clock: systemClock, logger: silentLogger })
  const consumer = store.consumer('check')
  for (let batch = await consumer.next(50_000); batch; batch = await consumer.next(50_000)) {
    for (const [i, seriesId] of batch.seriesIds.entries()) {
      const key = `${store.seriesEntry(seriesId).name} ${batch.timestampsMs[i]}`
      expect(found.has(key), `${key} arrived twice`).toBe(false)
      found.set(key, batch.values[i] as number)
    }
    consumer.acknowledge([batch])
  }
  expect(consumer.lag).toBe(0)
  return found
}

async function conserve(): Promise<void> {
  const folder = await mkdtemp(join(place, 'lanista-conservation-'))
  folders.push(folder)
  const config = join(folder, 'agent.json')
  const carbon = { host: '127.0.0.1', port: 0, fourFields: true }
  const data = join(folder, 'data')
  await writeFile(config, JSON.stringify({ data, host: 'killed', broker: [], carbon, sensorIntervalMs: 200 }))
  const sent: Sent = { next: 1, owed: [] }
  for (let i = 0; i < kills / agents; i++) await live(config, sent, 650 + Math.random() * 500)
  const found = await arrivals(join(data, 'store'))
  const numbers = [...found].filter(([key]) => key.startsWith('app.numbers.'))
  for (const [key, n] of numbers) {
    expect(n).toBeLessThan(sent.next)
    expect(key).toBe(`app.numbers.m${n % 10} ${startMs + 1000 * n}`)
  }
  const there = new Set(numbers.map(([, n]) => n))
  expect(sent.owed.filter((n) => !there.has(n))).toEqual([])
  expect(sent.owed.length).toBeGreaterThan(kills)
  expect(found.size - numbers.length).toBeGreaterThan(kills)
}

test(`${kills} kills take nothing that is older than a commit interval`, async () => {
  await Promise.all(Array.from({ length: agents }, conserve))
})
