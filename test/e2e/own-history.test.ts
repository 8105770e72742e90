/** A host whose disk was emptied has its history back on its own disk: it answers for itself when nobody else is left. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { stillRunning } from './process-tree.ts'
import { sendLines, Workspace } from './workspace.ts'

interface Host {
  readonly id: string
  readonly pid: number
  readonly carbon: string
}

interface Answer {
  readonly served_by: string
  readonly samples: readonly (readonly [number, number])[]
}

const numbers = 3000
let workspace: Workspace

beforeEach(() => {
  workspace = new Workspace()
})

afterEach(() => workspace.close())

test('a host that comes back with an empty disk answers for its past by itself', async () => {
  await workspace.up('--broker', 'nats', '--hosts', '3', '--restart', 'never')
  const [lost, ...others] = (await workspace.ask<Host[]>('hosts')) as [Host, ...Host[]]
  const firstS = Math.floor(Date.now() / 1000) - numbers
  await sendLines(lost.carbon, ...Array.from({ length: numbers }, (_, i) => `numbered ${i} ${firstS + i}`))
  await workspace.until(async () => (await held(lost)) >= numbers, 'two copies', 60_000)

  await kill(lost)
  const folder = join(workspace.data, 'agents', `home.${lost.id}`)
  rmSync(join(folder, 'store'), { recursive: true })
  workspace.start(['agent', 'run', '--config', join(folder, 'agent.json')])
  await workspace.until(async () => (await ownPoints(lost)) >= numbers, 'its samples on its own disk', 60_000)

  for (const other of others) await kill(other)
  const read = async (): Promise<Answer | undefined> =>
    (await workspace.ask<Answer[]>('query', 'numbered', '--host', lost.id))[0]
  await workspace.until(async () => (await read())?.served_by === lost.id, 'an answer of its own', 60_000)
  expect((await read())?.samples).toEqual(Array.from({ length: numbers }, (_, i) => [(firstS + i) * 1000, i]))
})

/** Samples of a host that the holder with fewer of them has. */
async function held({ id }: Host): Promise<number> {
  const rows = await workspace.ask<{ host: string; held_by: { samples: number }[] }[]>('ring')
  const copies = rows.find(({ host }) => host === id)?.held_by ?? []
  return copies.length < 2 ? 0 : Math.min(...copies.map(({ samples }) => samples))
}

/** Samples in a host's own area; 0 while it does not answer. */
async function ownPoints({ id }: Host): Promise<number> {
  const { code, stdout } = await workspace.run('store', 'stats', '--host', id, '--json')
  return code === 0 ? (JSON.parse(stdout) as { points: number }).points : 0
}

async function kill({ pid }: Host): Promise<void> {
  process.kill(pid, 'SIGKILL')
  await workspace.until(() => stillRunning([pid]).length === 0, 'the end of an agent', 10_000)
}
