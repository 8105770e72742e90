/** `up --leaves`: a hub at home, a leaf server for every other cloud, for real. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { lastingPorts } from './lasting-port.ts'
import { commandLine, descendants, stillRunning } from './process-tree.ts'
import { type Ready, type Running, sendLines, Workspace } from './workspace.ts'

interface Host {
  readonly id: string
  readonly cloud: string
  readonly state: string
  readonly carbon: string
}

type LeavesReady = Ready & { readonly leaves: Readonly<Record<string, string>> }

const flags = ['--broker', 'nats', '--clouds', '2', '--hosts', '4', '--leaves'] as const
let workspace: Workspace

beforeEach(() => {
  workspace = new Workspace()
})

afterEach(() => workspace.close())

async function up(...more: readonly string[]): Promise<{ running: Running; ready: LeavesReady }> {
  const { running, ready } = await workspace.up(...flags, ...more)
  return { running, ready: ready as LeavesReady }
}

async function far(): Promise<Host> {
  const host = (await workspace.ask<Host[]>('hosts')).find((one) => one.cloud === 'local-1')
  if (!host) throw new Error('no host of local-1')
  return host
}

const lineOf = (name: string, value: number): string => `${name} ${value} ${Math.floor(Date.now() / 1000)}`

/** Undefined also while hosts of the cloud do not answer. */
async function newest(match: string, cloud: string): Promise<number | undefined> {
  const { code, stdout } = await workspace.run('query', match, '--last', '--cloud', cloud, '--json')
  if (code !== 0) return undefined
  return (JSON.parse(stdout) as { samples: [number, number][] }[])[0]?.samples.at(-1)?.[1]
}

/** Pids of the nats-servers of `up`: the hub's and the leaf's. */
function serversOf(running: Running): { hub: number; leaf: number } {
  const pidOf = (folder: string): number =>
    descendants(running.pid).find((pid) => commandLine(pid).includes(`/${folder}/nats-server.conf`)) ?? -1
  return { hub: pidOf('nats-server'), leaf: pidOf('nats-leaf-local-1') }
}

test('agents of home dial the hub and the others their leaf; a line there is queried and watched here', async () => {
  const { ready } = await up()
  expect(Object.keys(ready.leaves)).toEqual(['local-1'])
  expect(ready.leaves['local-1']).not.toBe(ready.broker)
  const hosts = await workspace.ask<Host[]>('hosts')
  expect(
    hosts
      .filter(({ state }) => state === 'online')
      .map(({ cloud }) => cloud)
      .sort(),
  ).toEqual(['home', 'home', 'local-1', 'local-1'])
  for (const { id, cloud } of hosts) {
    const path = join(workspace.data, 'agents', `${cloud}.${id}`, 'agent.json')
    const { broker } = JSON.parse(readFileSync(path, 'utf8')) as { broker: string[] }
    expect(broker).toEqual([cloud === 'home' ? ready.broker : ready.leaves[cloud]])
  }

  const watch = workspace.start(['watch', 'shop.>', '--json'])
  const { carbon, id } = await far()
  let value = 0
  await workspace.until(
    async () => {
      await sendLines(carbon, lineOf('shop.orders', ++value))
      return watch.stdout().includes('\n')
    },
    'a metric at the operator',
    30_000,
  )
  expect(JSON.parse(watch.stdout().split('\n')[0] ?? '')).toMatchObject({ host: id })
  await workspace.until(async () => (await newest('shop.orders', 'local-1')) === value, 'the newest value', 20_000)
  watch.child.kill('SIGINT')
  await watch.ended
})

describe('either server', () => {
  test.each(['hub', 'leaf'] as const)(
    'the %s that is killed comes back on its ports, and everything goes on',
    async (which) => {
      const { running } = await up()
      const before = serversOf(running)
      process.kill(before[which], 'SIGKILL')
      await workspace.until(
        () => serversOf(running)[which] !== before[which] && serversOf(running)[which] > 0,
        `another ${which}`,
        30_000,
      )
      const { carbon } = await far()
      await sendLines(carbon, lineOf('after.kill', 9))
      await workspace.until(async () => (await newest('after.kill', 'local-1')) === 9, 'the value', 90_000)
      const other = which === 'hub' ? 'leaf' : 'hub'
      expect(serversOf(running)[other]).toBe(before[other])
    },
  )
})

test('Ctrl-C stops hub, leaf and agents, with exit code 0', async () => {
  const { running } = await up()
  const family = [running.pid, ...descendants(running.pid)]
  expect(family).toHaveLength(7)
  running.child.kill('SIGINT')
  expect((await running.ended).code).toBe(0)
  expect(stillRunning(family).map(commandLine)).toEqual([])
})

test('up that is killed leaves nothing that the next up does not end', async () => {
  const [port] = await lastingPorts(1)
  const first = await up('--broker-port', String(port))
  const family = [first.running.pid, ...descendants(first.running.pid)]
  first.running.child.kill('SIGKILL')
  await first.running.ended
  await up('--broker-port', String(port))
  expect(stillRunning(family).map(commandLine)).toEqual([])
})

test.each([
  [['up', '--leaves', '--hosts', '2', '--clouds', '2'], '--broker nats'],
  [['up', '--leaves', '--broker', 'nats://127.0.0.1:4222', '--hosts', '2', '--clouds', '2'], '--broker nats'],
  [['up', '--leaves', '--broker', 'nats', '--hosts', '2'], '--clouds'],
  [['up', '--leaves', '--broker', 'nats', '--clouds', '2', '--print-nats-config'], '--print-nats-config'],
])('%j is refused', async (args, word) => {
  const { code, stdout, stderr } = await workspace.run(...args, '--data', workspace.data)
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toContain(word)
  expect(stderr).toMatch(/^lanista: .*\n$/)
})

test('the flag is told by --help', async () => {
  const { stdout } = await workspace.run('up', '--help')
  expect(stdout).toMatch(/--leaves {2,}with --broker nats/)
})
