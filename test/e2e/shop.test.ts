/** An application with real processes: applied, wired, scaled, watched, adopted after its agents were killed, and removed without a trace. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { lastingPorts } from './lasting-port.ts'
import { stillRunning, workingBelow } from './process-tree.ts'
import { Workspace } from './workspace.ts'

interface Instance {
  readonly id: string
  readonly name: string
  readonly host: string
  readonly state: string
  readonly restarts: number
  readonly endpoints: Readonly<Record<string, Readonly<Record<string, string>>>>
}

interface Host {
  readonly id: string
  readonly pid: number
}

/** Says who it is. */
const dbProgram = `
import { createServer } from 'node:net'
createServer((socket) => socket.end(process.env.INSTANCE_ID + ' ' + process.pid)).listen(Number(process.env.CONTAINER_SQL))
`
/** Says who it is, and what the first database says. */
const webProgram = `
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect } from 'node:net'
createServer((_request, response) => {
  console.log('asked')
  const [host, port] = readFileSync('database', 'utf8').split(':')
  const socket = connect(Number(port), host)
  socket.on('data', (said) => response.end(process.env.INSTANCE_ID + ' ' + process.pid + ' ' + said))
  socket.on('error', () => { response.statusCode = 502; response.end() })
}).listen(Number(process.env.CONTAINER_HTTP), () => console.log('listening'))
`
const tellDatabase = 'printf %s "${CLOUD_SQL%%,*}" > database'
const soon = { every: '100ms', within: '30s' }
const shop = (http: number, sql: number): object => ({
  application: 'shop',
  components: {
    web: {
      isolation: 'directory',
      files: { 'web.mjs': webProgram },
      lifecycle: {
        preStart: tellDatabase,
        start: `exec ${process.execPath} web.mjs`,
        startDetector: { tcp: 'http', ...soon },
      },
      provides: { http },
      requires: { sql: { from: 'db.sql', onChange: tellDatabase } },
      restart: { on: 'failure', backoff: '100ms..1s' },
    },
    // without ports, that hosts on one machine share; one at a host, so that none is left out for being heard late
    worker: {
      instances: { min: 1, initial: 1, max: 3 },
      isolation: 'directory',
      lifecycle: { start: 'exec sleep 1000' },
      place: { antiAffinity: ['worker'] },
      requires: { sql: 'db.sql' },
    },
    db: {
      isolation: 'directory',
      files: { 'db.mjs': dbProgram },
      lifecycle: { start: `exec ${process.execPath} db.mjs`, startDetector: { tcp: 'sql', ...soon } },
      provides: { sql },
      restart: { on: 'always', backoff: '100ms..1s' },
    },
  },
})

let workspace: Workspace

beforeEach(() => {
  workspace = new Workspace()
})

afterEach(async () => {
  await workspace.close()
})

async function instances(): Promise<readonly Instance[]> {
  return workspace.ask<Instance[]>('instances')
}

async function running(count: number): Promise<readonly Instance[]> {
  let found: readonly Instance[] = []
  await workspace.until(
    async () => {
      found = await instances()
      return found.length === count && found.every(({ state }) => state === 'running')
    },
    `${count} running instances`,
    60_000,
  )
  return found
}

/** What the first web instance says: who it is, and who its database is. */
async function answer(): Promise<{ web: string; webPid: number; db: string; dbPid: number } | undefined> {
  const web = (await instances()).find(({ id }) => id === 'shop-web-1')
  try {
    const response = await fetch(`http://${web?.endpoints['http']?.['cloud']}`)
    const [name = '', webPid, db = '', dbPid] = (await response.text()).split(' ')
    return response.ok ? { web: name, webPid: Number(webPid), db, dbPid: Number(dbPid) } : undefined
  } catch {
    return undefined
  }
}

test('an application lives on three hosts, whatever is killed, and leaves nothing behind', async () => {
  const { running: up } = await workspace.up('--hosts', '3')
  const file = join(workspace.folder, 'shop.json')
  const [http = 0, sql = 0] = await lastingPorts(2)
  writeFileSync(file, JSON.stringify(shop(http, sql)))
  expect(await workspace.run('apply', file)).toMatchObject({ code: 0 })
  await running(3)
  const first = await answer()
  expect(first).toMatchObject({ web: 'shop-web-1', db: 'shop-db-1' })

  process.kill(first?.dbPid ?? 0, 'SIGKILL')
  const again = async (): Promise<boolean> => ((await answer())?.dbPid ?? first?.dbPid) !== first?.dbPid
  await workspace.until(again, 'another process of the database', 30_000)
  await running(3)

  const before = await answer()
  const hosts = await workspace.ask<Host[]>('hosts')
  for (const { pid } of hosts) process.kill(pid, 'SIGKILL')
  const isBack = async (): Promise<boolean> =>
    (await workspace.ask<Host[]>('hosts')).every(({ pid }, i) => pid !== hosts[i]?.pid)
  await workspace.until(isBack, 'the agents again', 60_000)
  await running(3)
  expect(await answer()).toEqual(before)

  expect(await workspace.run('scale', 'shop/worker', '+2')).toMatchObject({
    code: 0,
    stdout: 'shop/worker 1 → 3 wanted\n',
  })
  const workers = (await running(5)).filter(({ name }) => name.startsWith('shop/worker'))
  expect(new Set(workers.map(({ host }) => host)).size).toBe(3)
  expect((await workspace.run('explain', 'shop/worker')).stdout).toContain('seen    3 running')
  const ran = await workspace.run('exec', 'shop/web-1', '--', '/bin/sh', '-c', 'echo $INSTANCE_ID; exit 3')
  expect(ran).toMatchObject({ code: 1, stdout: 'shop-web-1\n' })

  // its first line, behind those of all that was asked since
  const log = await workspace.run('logs', 'shop/web-1', '--lines', '1000')
  expect(log).toMatchObject({ code: 0, stdout: expect.stringContaining('listening') as string })
  const followed = workspace.start(['logs', '-f', 'shop/web-1', '--lines', '0'])
  await workspace.until(
    async () => {
      await answer()
      return followed.stdout().includes('asked')
    },
    'a line of a followed log',
    30_000,
  )
  followed.child.kill('SIGINT')
  expect((await followed.ended).code).toBe(0)

  expect(await workspace.run('scale', 'shop/worker', '-1')).toMatchObject({ code: 0 })
  await running(4)
  const taken = (await instances()).find(({ id }) => id === 'shop-worker-2')?.host ?? ''
  expect(await workspace.run('drain', taken, '--deadline', '5s')).toMatchObject({ code: 0 })
  expect((await running(4)).every(({ host }) => host !== taken)).toBe(true)

  const ours = workingBelow(join(workspace.data, 'agents'))
  expect(ours.length).toBeGreaterThan(0)
  expect(await workspace.run('remove', 'shop')).toMatchObject({ code: 0 })
  expect(await instances()).toEqual([])
  expect(stillRunning(ours)).toEqual([])
  expect(hosts.flatMap(({ id }) => foldersOf(id))).toEqual([])
  expect(up.stderr()).not.toContain('instances_not_reconciled')
})

/** Folders of instances that a host still has. */
function foldersOf(host: string): string[] {
  const folder = join(workspace.data, 'agents', `home.${host}`, 'instances')
  return existsSync(folder) ? readdirSync(folder) : []
}
