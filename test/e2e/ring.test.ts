/** Copies inside a cloud, with real processes: what killed agents had accepted is read from those who are left. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { stillRunning } from './process-tree.ts'
import { sendLines, until, Workspace } from './workspace.ts'

interface Answer {
  readonly host: string
  readonly served_by: string
  readonly samples: readonly (readonly [number, number])[]
  readonly value?: number
}

interface Host {
  readonly id: string
  readonly cloud: string
  readonly pid: number
  readonly carbon: string
}

interface RingHost {
  readonly host: string
  readonly cloud: string
  readonly state: string
  readonly ring: string
  readonly copies: number | null
  readonly degree: number | null
  readonly lag_samples: number | null
  readonly members: readonly { readonly host: string; readonly state: string }[]
  readonly held_by: readonly { readonly host: string; readonly samples: number }[]
}

/** Numbered samples that each host is sent before the kill, a second apart. */
const numbers = 3_000

let workspace: Workspace

beforeEach(() => {
  workspace = new Workspace()
})

afterEach(() => workspace.close())

describe.each([
  ['nats', []],
  ['embedded', ['--copies', '3']],
] as const)('on the broker %s', (broker, more) => {
  test('any two of a cloud of four are killed, and all that they had is read from the others', async () => {
    // 7 hosts in 2 clouds: 4 at home, 3 beside it
    await workspace.up('--broker', broker, ...more, '--hosts', '7', '--clouds', '2', '--restart', 'never')
    const hosts = await workspace.ask<Host[]>('hosts')
    const home = hosts.filter(({ cloud }) => cloud === 'home')
    expect(home.length).toBe(4)
    const firstS = Math.floor(Date.now() / 1000) - numbers
    const sent = (host: number, to: number): [number, number][] =>
      Array.from({ length: to }, (_, i) => [(firstS + i) * 1000, host * 10_000 + i])
    const send = async ({ carbon }: Host, host: number, from: number, to: number): Promise<void> =>
      sendLines(
        carbon,
        ...sent(host, to)
          .slice(from)
          .map(([timeMs, value]) => `numbered ${value} ${timeMs / 1000}`),
      )
    await Promise.all(hosts.map((host, i) => send(host, i, 0, numbers)))
    await until(async () => (await counted()) === numbers * hosts.length, 'samples of all hosts', 30_000)
    await everyHostCopied(hosts)

    const [killed, left] = [home.slice(0, 2), home.slice(2)]
    for (const { pid } of killed) process.kill(pid, 'SIGKILL')
    await Promise.all(left.map((host) => send(host, hosts.indexOf(host), numbers, numbers + 500)))

    for (const host of killed) {
      const answers = await workspace.ask<Answer[]>('query', 'numbered', '--host', host.id)
      expect(answers.map((answer) => answer.host)).toEqual([host.id])
      expect(answers[0]?.samples).toEqual(sent(hosts.indexOf(host), numbers))
      expect(left.map(({ id }) => id)).toContain(answers[0]?.served_by)
      const [value] = await workspace.ask<Answer[]>('query', 'numbered', '--host', host.id, '--function', 'count')
      expect(value).toMatchObject({ host: host.id, value: numbers })
      expect(await workspace.ask('metrics', 'numbered', '--host', host.id)).toMatchObject([
        { host: host.id, last: sent(hosts.indexOf(host), numbers).at(-1) },
      ])
    }
    const all = { left: numbers + 500, others: numbers }
    const expected = left.length * all.left + (hosts.length - left.length) * all.others
    await until(async () => (await counted()) === expected, 'samples sent after the kill', 30_000)

    await until(async () => (await ring('home')).filter(isGone).length === 2, 'two offline hosts', 90_000)
    const rows = await ring('home')
    const names = new Set(left.map(({ id }) => id))
    for (const row of rows.filter(isGone)) {
      expect(row.held_by.length).toBeGreaterThan(0)
      expect(row.held_by.every(({ host }) => names.has(host))).toBe(true)
    }
  })
})

test('a host that comes back with an empty disk has its history again', async () => {
  await workspace.up('--broker', 'nats', '--hosts', '3', '--restart', 'never')
  const hosts = await workspace.ask<Host[]>('hosts')
  const [lost, ...others] = hosts as [Host, ...Host[]]
  const firstS = Math.floor(Date.now() / 1000) - numbers
  const samples = Array.from({ length: numbers }, (_, i) => [(firstS + i) * 1000, i])
  const line = ([timeMs = 0, value]: readonly number[]): string => `numbered ${value} ${timeMs / 1000}`
  await Promise.all(hosts.map(({ carbon }) => sendLines(carbon, ...samples.map(line))))
  await until(async () => (await counted()) === numbers * hosts.length, 'samples of all hosts', 30_000)
  await everyHostCopied(hosts)

  process.kill(lost.pid, 'SIGKILL')
  await until(() => stillRunning([lost.pid]).length === 0, 'the end of an agent', 10_000)
  const folder = join(workspace.data, 'agents', `home.${lost.id}`)
  rmSync(join(folder, 'store'), { recursive: true })
  const agent = workspace.start(['agent', 'run', '--config', join(folder, 'agent.json')])
  const isBack = async (): Promise<boolean> =>
    (await workspace.ask<Host[]>('hosts')).some(({ id, pid }) => id === lost.id && pid !== lost.pid)
  await until(isBack, 'the agent again', 30_000, agent)

  const all = ['query', 'numbered', '--host', lost.id]
  const read = async (): Promise<Answer | undefined> => (await workspace.ask<Answer[]>(...all))[0]
  await until(async () => (await read())?.samples.length === numbers, 'its history', 60_000, agent)
  const answer = await read()
  expect(answer?.samples).toEqual(samples)
  expect(others.map(({ id }) => id)).toContain(answer?.served_by)
})

test('on the embedded broker the copies of other clouds are off unless told otherwise, and ring says so', async () => {
  await workspace.up('--hosts', '4', '--clouds', '2', '--restart', 'never')
  await until(async () => (await ring('home')).every(({ degree }) => degree === 2), 'two copies at home', 60_000)
  expect(await ring('home')).toMatchObject([
    { cloud: 'home', ring: 'member', copies: 3 },
    { cloud: 'home', ring: 'member', copies: 3 },
  ])
  expect(await ring('local-1')).toMatchObject([
    { cloud: 'local-1', state: 'online', copies: 1, degree: 1 },
    { cloud: 'local-1', state: 'online', copies: 1, degree: 1 },
  ])
  const text = await workspace.run('ring')
  expect([text.code, text.stdout]).toEqual([0, expect.stringMatching(/^HOST +CLOUD +ZONE/)])
})

function ring(cloud: string): Promise<RingHost[]> {
  return workspace.ask<RingHost[]>('ring', '--cloud', cloud)
}

function isGone({ state, ring: inRing }: RingHost): boolean {
  return state === 'offline' && inRing === 'absent'
}

/** Numbered samples that the agents have, all hosts together. */
async function counted(): Promise<number> {
  const answers = await workspace.ask<Answer[]>('query', 'numbered', '--function', 'count')
  return answers.reduce((sum, { value = 0 }) => sum + value, 0)
}

/** Waits until two others have as many samples of each host as it has now itself, and lack nothing. */
async function everyHostCopied(hosts: readonly Host[]): Promise<void> {
  const points = new Map<string, number>()
  for (const { id } of hosts) {
    const { areas } = await workspace.ask<{ areas: { local: { points: number } } }>('store', 'stats', '--host', id)
    expect(areas.local.points).toBeGreaterThanOrEqual(numbers)
    points.set(id, areas.local.points)
  }
  const copied = new Set<string>()
  await until(
    async () => {
      for (const { host, degree, lag_samples, held_by } of await ring('*')) {
        const whole = held_by.filter(({ samples }) => samples >= (points.get(host) ?? Infinity))
        if (degree === 3 && lag_samples === 0 && whole.length === 2) copied.add(host)
      }
      return copied.size === hosts.length
    },
    'three copies of every host',
    90_000,
  )
}
