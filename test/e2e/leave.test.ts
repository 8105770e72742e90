/** Decommission with real processes: a host that leaves hands over, is not waited for, and its history stays. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { stillRunning } from './process-tree.ts'
import { sendLines, Workspace } from './workspace.ts'

interface Host {
  readonly id: string
  readonly pid: number
  readonly state: string
  readonly carbon: string
}

interface RingHost {
  readonly host: string
  readonly state: string
  readonly degree: number | null
  readonly members: readonly { readonly host: string; readonly state: string }[]
  readonly held_by: readonly { readonly host: string; readonly samples: number }[]
}

interface Answer {
  readonly served_by: string
  readonly samples: readonly (readonly [number, number])[]
}

const numbers = 2000
let workspace: Workspace
let firstS: number

beforeEach(() => {
  workspace = new Workspace()
  firstS = Math.floor(Date.now() / 1000) - numbers
})

afterEach(() => workspace.close())

/** Starts hosts in one cloud, and sends numbered samples to the last. */
async function fleet(count: number): Promise<{ leaving: Host; others: Host[] }> {
  await workspace.up('--broker', 'nats', '--hosts', String(count))
  const hosts = await workspace.ask<Host[]>('hosts')
  const leaving = hosts.at(-1) as Host
  const lines = Array.from({ length: numbers }, (_, i) => `numbered ${i} ${firstS + i}`)
  await sendLines(leaving.carbon, ...lines)
  await workspace.until(async () => (await history(leaving))?.samples.length === numbers, 'all samples stored', 30_000)
  const knowEachOther = async (): Promise<boolean> =>
    (await workspace.ask<RingHost[]>('ring')).every(({ members }) => members.length === count - 1)
  await workspace.until(knowEachOther, 'a ring of all hosts', 60_000)
  return { leaving, others: hosts.slice(0, -1) }
}

async function history({ id }: Host): Promise<Answer | undefined> {
  return (await workspace.ask<Answer[]>('query', 'numbered', '--host', id))[0]
}

/** Ended, not started again, known to have left, not waited for, and all of it with the others. */
async function expectGone(leaving: Host, others: readonly Host[]): Promise<void> {
  await workspace.until(() => stillRunning([leaving.pid]).length === 0, 'the end of the agent', 15_000)
  await workspace.until(async () => (await stateOf(leaving)) === 'left', 'a host that has left', 15_000)
  const answer = await history(leaving)
  expect(answer?.samples).toEqual(Array.from({ length: numbers }, (_, i) => [(firstS + i) * 1000, i]))
  expect(others.map(({ id }) => id)).toContain(answer?.served_by)
  const rows = await workspace.ask<RingHost[]>('ring')
  for (const { host, members } of rows.filter(({ host }) => host !== leaving.id)) {
    expect([host, members.find((member) => member.host === leaving.id)?.state]).toEqual([host, 'left'])
  }
  expect((await workspace.ask<Host[]>('hosts')).find(({ id }) => id === leaving.id)?.pid).toBe(leaving.pid)
}

async function stateOf({ id }: Host): Promise<string | undefined> {
  return (await workspace.ask<Host[]>('hosts')).find((host) => host.id === id)?.state
}

test('a host that the controller lets leave is gone at once, and everything it had is with the others', async () => {
  const { leaving, others } = await fleet(4)
  expect(await workspace.ask('hosts', 'leave', leaving.id)).toMatchObject({
    host: leaving.id,
    state: 'left',
    to_hand_over: [],
  })
  await expectGone(leaving, others)
  expect(await workspace.ask('hosts', 'leave', leaving.id)).toMatchObject({ state: 'left' })
})

test('a person on the host can let its agent leave', async () => {
  const { leaving, others } = await fleet(3)
  const data = join(workspace.data, 'agents', `home.${leaving.id}`)
  expect(await workspace.ask('agent', 'leave', '--data', data)).toEqual({ state: 'left', toHandOver: [] })
  await expectGone(leaving, others)
})

test('the only host of a cloud stays, unless it is forced', async () => {
  await workspace.up('--hosts', '1')
  const [only] = (await workspace.ask<Host[]>('hosts')) as [Host]
  const refused = await workspace.run('hosts', 'leave', only.id)
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('nobody who could take over')])
  expect(stillRunning([only.pid])).toEqual([only.pid])
  expect(await workspace.ask('hosts', 'leave', only.id, '--force')).toMatchObject({ state: 'left' })
  await workspace.until(() => stillRunning([only.pid]).length === 0, 'the end of the agent', 15_000)
})

test('nobody runs on a folder: the request is taken back', async () => {
  const data = workspace.folder
  const absent = await workspace.run('agent', 'leave', '--data', data)
  expect([absent.code, absent.stderr]).toEqual([1, expect.stringContaining('start the agent on')])
  expect(existsSync(join(data, 'leave.json'))).toBe(false)
})
