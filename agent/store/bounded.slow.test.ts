/** A query over everything there is holds a few blocks at a time, whatever the range. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'

const seriesCount = 40
const days = 365
const stepMs = 120_000
const mib = 2 ** 20

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanista-store-'))
})

afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

const prelude = `
setInterval(() => {}, 1000)
const { openStore } = await import(${JSON.stringify(new URL('./open-store.ts', import.meta.url).href)})
const { systemClock } = await import(${JSON.stringify(new URL('../../protocol/runtime/clock.ts', import.meta.url).href)})
const { silentLogger } = await import(${JSON.stringify(new URL('../../protocol/runtime/logger.ts', import.meta.url).href)})
const dayMs = 86400000
const untilMs = Math.floor(Date.now() / dayMs) * dayMs
const fromMs = untilMs - ${days} * dayMs
const matches = () => true
`

/** What a program prints at its end, in a process of its own with a small heap, its young generation as small as the agent's. */
async function run(program: string): Promise<unknown> {
  const heap = ['--max-old-space-size=64', '--max-semi-space-size=2']
  const options = [...heap, '--import', 'tsx', '--input-type=module', '-e']
  const open = `const store = await openStore({ folder: ${JSON.stringify(folder)}, freeBytesMin: 0 }, { clock: systemClock, logger: silentLogger })`
  const end = 'await store.close(); console.log(JSON.stringify(answer)); process.exit(0)'
  const child = spawn(process.execPath, [...options, [prelude, open, program, end].join('\n')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return JSON.parse(await text(child.stdout)) as unknown
}

test('a year of ten million samples is read in the memory of a day', { timeout: 170_000 }, async () => {
  const samples = (seriesCount * days * 86_400_000) / stepMs
  await run(`
    const ids = Array.from({ length: ${seriesCount} }, (_, i) => store.seriesId('app.m' + i))
    for (let time = fromMs, n = 0; time < untilMs; time += ${stepMs}, n++) {
      for (const id of ids) store.append(id, time, Math.round(Math.sin(n / 50 + id) * 1000))
      if (n % 64 === 0) await (store.isFull ? store.drained() : new Promise(setImmediate))
    }
    await store.flush()
    const answer = store.stats().dropped`)
  const answer = (await run(`
    // a day of the same first: code, caches and buffers have their size
    for await (const _ of store.read({ matches, fromMs: untilMs - dayMs, untilMs }));
    const before = process.memoryUsage().rss
    let [peak, samples, windows] = [0, 0, 0]
    const look = () => { peak = Math.max(peak, process.memoryUsage().rss) }
    for await (const piece of store.read({ matches, fromMs, untilMs })) { samples += piece.values.length; look() }
    for (const name of ['mean', 'p95']) {
      for await (const piece of store.windows({ matches, fromMs, untilMs, stepMs: dayMs, function: name })) {
        windows += piece.windows.length
        look()
      }
    }
    const answer = { before, peak, samples, windows }`)) as Record<'before' | 'peak' | 'samples' | 'windows', number>
  expect(answer.samples).toBe(samples)
  expect(answer.windows).toBe(2 * seriesCount * days)
  // all samples at once are 160 MiB
  expect((answer.peak - answer.before) / mib).toBeLessThan(64)
})
