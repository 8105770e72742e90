/** History belongs to the agents: it is there after the controller was restarted, and one dead agent costs its own samples alone. */
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openStore } from '#agent/store/open-store.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { type Ready, sendLines, Workspace } from './workspace.ts'

interface Answer {
  readonly name: string
  readonly host: string
  readonly served_by: string
  readonly step_ms: number | null
  readonly samples: readonly (readonly [number, number])[]
  readonly value?: number | null
}

interface Host {
  readonly id: string
  readonly pid: number
  readonly carbon: string
}

const minuteMs = 60_000
let workspace: Workspace

beforeEach(() => {
  workspace = new Workspace()
})

afterEach(() => workspace.close())

function ask(...args: readonly string[]): Promise<Answer[]> {
  return workspace.ask<Answer[]>('query', ...args)
}

/** One sample each ten seconds of the last fifty minutes: time in seconds, number. */
function fiftyMinutes(): (readonly [number, number])[] {
  const lastS = Math.floor(Date.now() / 10_000) * 10
  return Array.from({ length: 300 }, (_, i) => [lastS - (299 - i) * 10, i % 7] as const)
}

function meansByMinute(samples: readonly (readonly [number, number])[]): [number, number][] {
  const byMinute = new Map<number, number[]>()
  for (const [timeS, value] of samples) {
    const minute = Math.floor((timeS * 1000) / minuteMs) * minuteMs
    byMinute.set(minute, [...(byMinute.get(minute) ?? []), value])
  }
  return [...byMinute].map(([minute, values]) => [minute, values.reduce((a, b) => a + b, 0) / values.length])
}

describe.each(['embedded', 'nats'])('on the broker %s', (broker) => {
  test('a controller that was killed and started again has the whole history, from the agent', async () => {
    const { running, ready } = await workspace.up('--broker', broker)
    const samples = fiftyMinutes()
    await sendLines(ready.carbon[0], ...samples.map(([timeS, value]) => `cpu.history ${value} ${timeS}`))
    await workspace.until(
      async () => (await ask('cpu.history', '--from', '-1h'))[0]?.samples.length === 300,
      'all',
      10_000,
    )
    running.child.kill('SIGKILL')
    await running.ended

    await workspace.up('--broker', broker)
    const [host] = await workspace.ask<Host[]>('hosts')
    const listed = async (): Promise<unknown[]> => workspace.ask<unknown[]>('metrics', 'cpu.history')
    await workspace.until(async () => (await listed()).length === 1, 'the series in the list', 20_000)
    const newest = [(samples.at(-1)?.[0] ?? 0) * 1000, samples.at(-1)?.[1]]
    expect(await listed()).toMatchObject([{ host: host?.id, served_by: host?.id, last: newest }])
    const args = ['cpu.history', '--from', '-1h', '--function', 'mean', '--step', '1m']
    await workspace.until(async () => (await ask(...args)).length === 1, 'an answer', 20_000)
    const [answer] = await ask(...args)
    expect(answer).toMatchObject({ name: 'cpu.history', host: host?.id, served_by: host?.id, step_ms: minuteMs })
    const expected = meansByMinute(samples)
    expect(answer?.samples.map(([time]) => time)).toEqual(expected.map(([time]) => time))
    for (const [i, [, mean]] of expected.entries()) expect(answer?.samples[i]?.[1]).toBeCloseTo(mean, 9)

    const [raw] = await ask('cpu.history')
    expect(raw).toMatchObject({ served_by: host?.id, step_ms: 10_000 })
    expect(raw?.samples).toEqual(samples.map(([timeS, value]) => [timeS * 1000, value]))
    expect(await ask('cpu.history', '--function', 'count')).toMatchObject([{ value: 300 }])

    expect((await lines('store', 'export', 'cpu.history')).length).toBe(300)
    expect((await lines('store', 'export', 'cpu.history', '--format', 'csv', '--from', '-1m')).length).toBeLessThan(9)
    const sizes = await workspace.ask<{ points: number; bytes_per_point: number }>('store', 'stats')
    expect(sizes.points).toBeGreaterThan(300)
    expect(await workspace.ask('store', 'check')).toMatchObject([{ host: host?.id, damaged: 0 }])
    expect(await workspace.ask('store', 'repair')).toMatchObject([{ host: host?.id, damaged: 0, is_done: true }])
    const dumped = (await lines('store', 'dump', '--json')).map((line) => JSON.parse(line) as { series?: string })
    expect(dumped.map(({ series }) => series)).toContain('cpu.history')
    expect((await lines('store', 'dump'))[0]).toMatch(/^KIND +DATABASE +FIRST/)
  })

  test('a dead agent is named, costs no more than the deadline, and the others answer', async () => {
    const { ready } = await workspace.up('--broker', broker, '--hosts', '3', '--restart', 'never', '--copies', '1')
    const now = Math.floor(Date.now() / 1000)
    await Promise.all(ready.carbon.map((place, i) => sendLines(place, `each.host ${i} ${now}`)))
    await workspace.until(async () => (await ask('each.host', '--last')).length === 3, 'all hosts', 10_000)
    await workspace.until(async () => (await inWindow(ready, 'each.host')) === 3, 'all in the window', 10_000)
    const [dead, ...alive] = await workspace.ask<Host[]>('hosts')
    process.kill(dead?.pid ?? -1, 'SIGKILL')

    const begunAt = performance.now()
    const { code, stdout, stderr } = await workspace.run('query', 'each.host', '--json')
    expect(performance.now() - begunAt).toBeLessThan(10_000)
    expect(code).toBe(0)
    expect(stderr).toMatch(new RegExp(`1 host did not answer: default\\.home\\.${dead?.id}\\n`))
    const answers = JSON.parse(stdout) as Answer[]
    expect(answers.filter(({ host }) => host !== dead?.id).map(({ served_by }) => served_by)).toEqual(
      alive.map(({ id }) => id),
    )
    expect(answers.find(({ host }) => host === dead?.id)?.served_by).toBe('_controller')

    const alone = await workspace.run('query', 'nothing.of.the.kind', '--host', dead?.id ?? '', '--json')
    expect([alone.code, alone.stdout]).toEqual([1, '[]\n'])
    const listed = await workspace.run('metrics', 'each.host')
    expect([listed.code, listed.stderr]).toEqual([0, expect.stringContaining('1 host did not answer')])
    expect(listed.stdout).toContain(`${dead?.id}*`)
    const dump = await workspace.run('store', 'dump')
    expect([dump.code, dump.stderr]).toEqual([2, expect.stringContaining('expected one')])
    const all = await workspace.run('store', 'export', 'each.host')
    expect(all.code).toBe(1)
    expect(all.stderr).toContain(`1 host did not answer: default.home.${dead?.id}\n`)
    expect(all.stdout.split('\n').slice(0, -1)).toHaveLength(alive.length)
    const wrong = await workspace.run('query', 'each.host', '--host', `${dead?.id}x`)
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining(`expected ${dead?.id}?`)])
  })
})

test('the store of a stopped agent can be looked into without a controller', async () => {
  const { running, ready } = await workspace.up()
  const samples = fiftyMinutes()
  await sendLines(ready.carbon[0], ...samples.map(([timeS, value]) => `cpu.history ${value} ${timeS}`))
  const [host] = await workspace.ask<Host[]>('hosts')
  await workspace.until(async () => (await ask('cpu.history'))[0]?.samples.length === 300, 'all', 10_000)
  const data = ['--data', join(workspace.data, 'agents', `home.${host?.id}`)]
  expect((await workspace.run('store', 'check', ...data)).code).toBe(2) // in use by the agent

  running.child.kill('SIGINT')
  await running.ended
  expect(await workspace.ask('store', 'check', ...data)).toMatchObject({ damaged: 0 })
  expect(await workspace.ask('store', 'repair', ...data)).toMatchObject({ host: host?.id, put_aside: 0, is_done: true })
  expect(await workspace.ask('store', 'stats', ...data)).toMatchObject({ areas: { local: {} }, tiers: {} })
  const exported = await lines('store', 'export', 'cpu.history', ...data)
  expect(exported.map((line) => JSON.parse(line) as unknown)).toEqual(
    samples.map(([timeS, value]) => ({
      name: 'cpu.history',
      tags: {},
      tenant: 'default',
      cloud: 'home',
      host: host?.id,
      timestampMs: timeS * 1000,
      value,
    })),
  )
  expect(
    (await lines('store', 'dump', '--json', ...data)).map((line) => (JSON.parse(line) as { kind: string }).kind),
  ).toContain('series')
})

test('damage on the disk is found and put aside by the running agent, and all else stays readable', async () => {
  const { running, ready } = await workspace.up()
  const samples = fiftyMinutes()
  for (const name of ['kept.one', 'lost.two']) {
    await sendLines(ready.carbon[0], ...samples.map(([timeS, value]) => `${name} ${value} ${timeS}`))
  }
  const [host] = await workspace.ask<Host[]>('hosts')
  await workspace.until(async () => (await ask('lost.two'))[0]?.samples.length === 300, 'all', 10_000)
  running.child.kill('SIGINT')
  await running.ended
  const folder = join(workspace.data, 'agents', `home.${host?.id}`)
  const blocks = await damageBlocks(folder, 'lost.two')
  expect((await workspace.run('store', 'check', '--data', folder)).code).toBe(1)

  await workspace.up()
  await workspace.until(async () => (await ask('kept.one', '--last')).length === 1, 'an answer', 20_000)
  const check = await workspace.run('store', 'check', '--json')
  expect(check.code).toBe(1)
  expect(JSON.parse(check.stdout)).toMatchObject([{ host: host?.id, damaged: blocks, damages: [{ kind: 'block' }] }])
  const [repaired] = await workspace.ask<{ damages: unknown[] }[]>('store', 'repair', '--host', host?.id ?? '')
  expect(repaired).toMatchObject({ damaged: blocks, put_aside: blocks, is_done: true })
  expect(repaired?.damages[0]).toMatchObject({ kind: 'block', reason: 'checksum' })

  expect(await workspace.ask('store', 'check')).toMatchObject([{ damaged: 0 }])
  const dump = await lines('store', 'dump', '--json', '--host', host?.id ?? '')
  const kinds = dump.map((line) => (JSON.parse(line) as { kind: string }).kind)
  expect(kinds.filter((kind) => kind === 'quarantined').length).toBe(blocks)
  const [kept] = await ask('kept.one')
  expect(kept?.samples).toEqual(samples.map(([timeS, value]) => [timeS * 1000, value]))
  expect(await ask('lost.two')).toEqual([])
})

/** Seals what a stopped agent has, then flips a bit in every block of a series; answers how many there are. */
async function damageBlocks(folder: string, series: string): Promise<number> {
  const store = await openStore({ folder: join(folder, 'store') }, { clock: systemClock, logger: silentLogger })
  await store.flush()
  await store.close()
  const dump = await lines('store', 'dump', '--json', '--data', folder)
  const entries = dump.map((line) => JSON.parse(line) as { kind: string; series?: string; seriesId?: number })
  const seriesId = entries.find((entry) => entry.kind === 'series' && entry.series === series)?.seriesId ?? -1
  const level = new ClassicLevel<Buffer, Buffer>(join(folder, 'store', 'local'), {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
  })
  let damaged = 0
  for (const [key, value] of await level.iterator({ gte: Buffer.from('d'), lt: Buffer.from('e') }).all()) {
    if (key.readUInt32BE(5) !== seriesId) continue
    value.writeUInt8(value.readUInt8(value.length - 6) ^ 4, value.length - 6)
    await level.put(key, value)
    damaged++
  }
  await level.close()
  expect(damaged).toBeGreaterThan(0)
  return damaged
}

/** Series of a name that the controller's window has samples of. */
async function inWindow({ http, operator }: Ready, name: string): Promise<number> {
  const headers = { authorization: `Bearer ${operator.password}` }
  const text = await (await fetch(`${http}/metrics?fleet=1`, { headers })).text()
  return text.split('\n').filter((line) => line.startsWith('lanista_sample{') && line.includes(`name="${name}"`)).length
}

/** What a command wrote, line by line. */
async function lines(...args: readonly string[]): Promise<string[]> {
  const { code, stdout, stderr } = await workspace.run(...args)
  expect([code, stderr]).toEqual([0, ''])
  return stdout.trimEnd().split('\n')
}
