/** History belongs to the agents: it is there after the controller was restarted, and one dead agent costs its own samples alone. */
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { sendLines, until, Workspace } from './workspace.ts'

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
    await until(async () => (await ask('cpu.history', '--from', '-1h'))[0]?.samples.length === 300, 'all', 10_000)
    running.child.kill('SIGKILL')
    await running.ended

    await workspace.up('--broker', broker)
    const [host] = await workspace.ask<Host[]>('hosts')
    const args = ['cpu.history', '--from', '-1h', '--function', 'mean', '--step', '1m']
    await until(async () => (await ask(...args)).length === 1, 'an answer', 20_000)
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
  })

  test('a dead agent is named, costs no more than the deadline, and the others answer', async () => {
    const { ready } = await workspace.up('--broker', broker, '--hosts', '3', '--restart', 'never')
    const now = Math.floor(Date.now() / 1000)
    await Promise.all(ready.carbon.map((place, i) => sendLines(place, `each.host ${i} ${now}`)))
    await until(async () => (await ask('each.host', '--last')).length === 3, 'all hosts', 10_000)
    const inWindow = async (): Promise<unknown[]> => workspace.ask<unknown[]>('metrics', 'each.host')
    await until(async () => (await inWindow()).length === 3, 'all in the window', 10_000)
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
    const all = await workspace.run('store', 'export', 'each.host')
    expect([all.code, all.stdout]).toEqual([2, ''])
    expect(all.stderr).toContain(`default.home.${dead?.id}`)
  })
})

test('the store of a stopped agent can be looked into without a controller', async () => {
  const { running, ready } = await workspace.up()
  const samples = fiftyMinutes()
  await sendLines(ready.carbon[0], ...samples.map(([timeS, value]) => `cpu.history ${value} ${timeS}`))
  const [host] = await workspace.ask<Host[]>('hosts')
  await until(async () => (await ask('cpu.history'))[0]?.samples.length === 300, 'all', 10_000)
  const data = ['--data', join(workspace.data, 'agents', `home.${host?.id}`)]
  expect((await workspace.run('store', 'check', ...data)).code).toBe(2) // in use by the agent

  running.child.kill('SIGINT')
  await running.ended
  expect(await workspace.ask('store', 'check', ...data)).toMatchObject({ damaged: 0 })
  expect(await workspace.ask('store', 'repair', ...data)).toMatchObject({ put_aside: 0 })
  expect(await workspace.ask('store', 'stats', ...data)).toMatchObject({ areas: { local: {} }, tiers: {} })
  const exported = await lines('store', 'export', 'cpu.history', ...data)
  expect(exported.map((line) => JSON.parse(line) as unknown)).toEqual(
    samples.map(([timeS, value]) => ({ name: 'cpu.history', tags: {}, timestampMs: timeS * 1000, value })),
  )
  expect(
    (await lines('store', 'dump', '--json', ...data)).map((line) => (JSON.parse(line) as { kind: string }).kind),
  ).toContain('series')
})

/** What a command wrote, line by line. */
async function lines(...args: readonly string[]): Promise<string[]> {
  const { code, stdout, stderr } = await workspace.run(...args)
  expect([code, stderr]).toEqual([0, ''])
  return stdout.trimEnd().split('\n')
}
