/**
 * examples/shop.yaml as it stands: web in containers, a database in a directory, on three hosts of this machine. Whatever is killed, the public
 * port answers with what the database says; removed, it leaves nothing behind.
 */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { addressesHeld, DockerStage, instanceFolders, releaseAddresses } from './docker-stage.ts'
import { commandLine, stillRunning, workingBelow } from './process-tree.ts'
import { type Ready, Workspace } from './workspace.ts'

interface Instance {
  readonly id: string
  readonly component: string
  readonly host: string
  readonly state: string
  readonly restarts: number
  readonly endpoints: Readonly<Record<string, Readonly<Record<string, string>>>>
}

interface Host {
  readonly id: string
  readonly pid: number
}

let stage: DockerStage
let workspace: Workspace
let ready: Ready

beforeAll(async () => {
  stage = await DockerStage.open()
  vi.stubEnv('DOCKER_HOST', stage.dockerHost)
  execFileSync('sh', ['examples/shop/make-image.sh'], { stdio: 'ignore' })
})

afterAll(() => stage.close())

beforeEach(() => {
  workspace = new Workspace()
})

afterEach(async () => {
  releaseAddresses(workspace.data)
  await workspace.close()
  await stage.clear('shop')
})

/** Over REST: a command each time it is looked would be most of the work. */
async function listed<T>(what: 'instances' | 'hosts'): Promise<T[]> {
  const headers = { authorization: `Bearer ${ready.operator.password}` }
  const response = await fetch(`${ready.http}/api/v1/${what}`, { headers, signal: AbortSignal.timeout(10_000) })
  return (await response.json()) as T[]
}

async function running(web: number): Promise<readonly Instance[]> {
  let found: readonly Instance[] = []
  await workspace.until(
    async () => {
      found = await listed<Instance>('instances')
      return found.length === web + 1 && found.every(({ state }) => state === 'running')
    },
    `${web} running instances of web, and the database`,
    60_000,
  )
  return found
}

const databaseOf = (all: readonly Instance[]): Instance | undefined => all.find(({ component }) => component === 'db')

/** What each public port answers. */
function answers(all: readonly Instance[]): Promise<string[]> {
  const places = all.flatMap(({ endpoints }) => endpoints['http']?.['public'] ?? [])
  return Promise.all(
    places.map(async (place) => {
      const answer = await fetch(`http://${place}`, { signal: AbortSignal.timeout(5000) }).catch(() => undefined)
      return (await answer?.text())?.trim() ?? 'no answer'
    }),
  )
}

/** Every public port answers with what the database's host put into it. */
async function serves(web: number): Promise<readonly Instance[]> {
  const all = await running(web)
  const says = Array.from({ length: web }, () => `42 helmets in stock, says ${databaseOf(all)?.host}`)
  await workspace.until(
    async () => JSON.stringify(await answers(all)) === JSON.stringify(says),
    `the answer of the database from ${web} public ports`,
    20_000,
  )
  return all
}

/** Processes of the database. */
function databasePids(): number[] {
  return workingBelow(join(workspace.data, 'agents')).filter((pid) => commandLine(pid).startsWith('perl'))
}

async function startShop(...flags: readonly string[]): Promise<void> {
  ready = (await workspace.up('--hosts', '3', ...flags)).ready
  expect(await workspace.run('apply', 'examples/shop.yaml')).toMatchObject({ code: 0 })
  // how busy this machine is does not matter here
  expect(await workspace.run('rules', 'pause', 'shop.grow-web')).toMatchObject({ code: 0 })
}

async function killDatabase(): Promise<void> {
  const [killed = 0] = databasePids()
  process.kill(killed, 'SIGKILL')
  const isBack = async (): Promise<boolean> =>
    databaseOf(await listed<Instance>('instances'))?.restarts === 1 && !databasePids().includes(killed)
  await workspace.until(isBack, 'another process of the database', 30_000)
}

async function removeWhole(): Promise<void> {
  const processes = workingBelow(join(workspace.data, 'agents')).filter((pid) => !/agent\.mjs/.test(commandLine(pid)))
  expect(processes.length).toBeGreaterThan(0)
  expect(await workspace.run('remove', 'shop')).toMatchObject({ code: 0 })
  expect(await listed<Instance>('instances')).toEqual([])
  expect(await stage.containers('shop')).toEqual([])
  expect(await stage.networks('shop')).toEqual([])
  expect(stillRunning(processes)).toEqual([])
  expect(instanceFolders(workspace.data)).toEqual([])
  await workspace.until(() => addressesHeld(workspace.data).length === 0, 'the end of the hosts’ addresses', 10_000)
}

test('the shop answers through its public ports, whatever is killed, and leaves nothing behind', async () => {
  await startShop()
  const first = await serves(1)
  const web = first.find(({ component }) => component === 'web')
  expect(await stage.networks('shop')).toEqual([`lanista-default-${web?.host}-shop`])

  await killDatabase()
  await serves(1)

  const before = [await stage.containers('shop'), databasePids()]
  const hosts = await listed<Host>('hosts')
  for (const { pid } of hosts) process.kill(pid, 'SIGKILL')
  expect(await answers(first)).toEqual([`42 helmets in stock, says ${databaseOf(first)?.host}`])
  const isBack = async (): Promise<boolean> =>
    (await listed<Host>('hosts')).every(({ pid }, i) => pid !== hosts[i]?.pid)
  await workspace.until(isBack, 'the agents again', 60_000)
  await serves(1)
  expect([await stage.containers('shop'), databasePids()]).toEqual(before)

  expect(await workspace.run('scale', 'shop/web', '+2')).toMatchObject({ code: 0, stdout: 'shop/web 1 → 3 wanted\n' })
  const three = await serves(3)
  const places = three.flatMap(({ endpoints }) => endpoints['http']?.['public'] ?? [])
  expect(new Set(places.map((place) => place.split(':')[1]))).toEqual(new Set(['8080']))
  expect(new Set(places).size).toBe(3)

  const levels = 'echo $PUBLIC_IP:$PUBLIC_HTTP $CLOUD_IP:$CLOUD_HTTP $CONTAINER_IP:$CONTAINER_HTTP $CLOUD_SQL'
  const http = three.find(({ id }) => id === 'shop-web-1')?.endpoints['http']
  expect(await workspace.run('exec', 'shop/web-1', '--', '/bin/sh', '-c', levels)).toMatchObject({
    code: 0,
    stdout: `${http?.['public']} ${http?.['cloud']} ${http?.['container']} ${databaseOf(three)?.endpoints['sql']?.['cloud']}\n`,
  })
  expect(await workspace.run('scale', 'shop/web', '+1')).toMatchObject({ code: 0 })
  await workspace.until(
    async () => (await workspace.run('explain', 'shop/web')).stdout.includes('has port 8080/tcp'),
    'why no host can have a fourth',
    20_000,
  )
  expect(await workspace.run('scale', 'shop/web', '-1')).toMatchObject({ code: 0 })
  expect((await workspace.run('explain', 'shop/web')).stdout).toContain('seen    3 running')

  const followed = workspace.start(['logs', '-f', 'shop/web-1', '--lines', '0'])
  await workspace.until(
    async () => {
      await answers(three)
      return followed.stdout().includes('GET /: 42 helmets')
    },
    'a line of a followed log',
    30_000,
  )
  followed.child.kill('SIGINT')
  expect((await followed.ended).code).toBe(0)

  expect(await workspace.run('scale', 'shop/web', '-1')).toMatchObject({ code: 0 })
  await serves(2)
  const taken = databaseOf(three)?.host ?? ''
  expect(await workspace.run('drain', taken, '--deadline', '30s')).toMatchObject({ code: 0 })
  expect((await serves(2)).every(({ host }) => host !== taken)).toBe(true)

  await removeWhole()
})

test('the shop answers over NATS, is wired again, and leaves nothing behind', async () => {
  await startShop('--broker', 'nats')
  await serves(1)
  await killDatabase()
  await serves(1)
  await removeWhole()
})
