/** Versions of code with real processes: enabled while instances run, rolled back by themselves, brought by agents that are killed meanwhile. */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { lastingPorts } from './lasting-port.ts'
import { type Ready, type Result, Workspace } from './workspace.ts'

interface Instance {
  readonly host: string
  readonly state: string
  readonly endpoints: Readonly<Record<string, Readonly<Record<string, string>>>>
}

interface Host {
  readonly id: string
  readonly pid: number
}

interface Code {
  readonly current: string | null
  readonly roll_out: { readonly to: string } | null
  readonly last: { readonly to: string; readonly outcome: string; readonly reason: string | null } | null
}

/** Says which version it is. */
const program = (version: string): string => `
import { createServer } from 'node:http'
createServer((_request, response) => response.end('${version}')).listen(Number(process.env.CONTAINER_HTTP), process.env.CLOUD_IP)
`

const shop = (count: number, http: number): object => ({
  application: 'shop',
  components: {
    web: {
      instances: { min: 1, initial: count, max: count },
      isolation: 'directory',
      lifecycle: {
        start: `exec ${process.execPath} code/web.mjs`,
        startDetector: { tcp: 'http', every: '50ms', within: '20s' },
      },
      provides: { http },
      code: { within: '40s' },
      place: { antiAffinity: ['web'] },
      restart: { on: 'failure', backoff: '100ms..1s' },
    },
  },
})

let workspace: Workspace
let ready: Ready

beforeEach(() => {
  workspace = new Workspace()
})

afterEach(async () => {
  await workspace.close()
})

/** Applies the shop: it waits for its code. */
async function applied(count: number): Promise<void> {
  const file = join(workspace.folder, 'shop.json')
  const [http = 0] = await lastingPorts(1)
  writeFileSync(file, JSON.stringify(shop(count, http)))
  expect(await workspace.run('apply', file)).toMatchObject({ code: 0 })
  const waits = async (): Promise<boolean> =>
    (await asked<{ waits: string[] }>(explained)).waits.join().includes('its code')
  await workspace.until(waits, 'a component that waits for its code', 30_000)
}

const explained = 'explain?of=shop/web'

/** Over HTTP: where many commands run at once, each has to wait for the machine. */
async function asked<T>(question: string, body?: Uint8Array<ArrayBuffer>): Promise<T> {
  const headers = { authorization: `Bearer ${ready.operator.password}`, 'content-type': 'application/x-tar' }
  const sent = body ? { method: 'POST', body, headers } : { headers }
  const response = await fetch(`${ready.http}/api/v1/${question}`, sent)
  const text = await response.text()
  if (!response.ok) throw new Error(`${question}: ${response.status} ${text}`)
  return JSON.parse(text) as T
}

/** A folder with this program. */
function folderOf(name: string, text: string, bytes = 0): string {
  const folder = join(workspace.folder, name)
  mkdirSync(folder)
  writeFileSync(join(folder, 'web.mjs'), text)
  if (bytes > 0) writeFileSync(join(folder, 'large'), randomBytes(bytes))
  return folder
}

/** Uploads such a folder; the version's name. */
async function uploaded(name: string, text: string, bytes = 0): Promise<string> {
  const options = { maxBuffer: 2 ** 26 }
  const body = execFileSync('tar', ['-cf', '-', '-C', folderOf(name, text, bytes), '.'], options)
  const { id } = await asked<{ id: string }>(`code/shop/web/versions?description=${name}`, Uint8Array.from(body))
  return id
}

const enable = (version: string): Promise<Result> =>
  workspace.run('code', 'enable', 'shop/web', version, '--gate', '1s')
const status = (): Promise<Code> => asked<Code>('code/shop/web')

/** Where each instance is, once all run. */
async function places(count: number): Promise<readonly string[]> {
  let found: readonly Instance[] = []
  await workspace.until(
    async () => {
      found = await asked<Instance[]>('instances')
      return found.length === count && found.every(({ state }) => state === 'running')
    },
    `${count} running instances`,
    40_000,
  )
  return found.map(({ endpoints }) => endpoints['http']?.['cloud'] ?? '')
}

/** What they answer now; those that do not are left out. */
async function answers(at: readonly string[]): Promise<readonly string[]> {
  const said = await Promise.all(
    at.map(async (place) => {
      try {
        return [await (await fetch(`http://${place}`)).text()]
      } catch {
        return []
      }
    }),
  )
  return said.flat()
}

/** Asks all of them again and again while something goes on; how many answered at least. */
async function fewest<T>(at: readonly string[], work: Promise<T>): Promise<{ result: T; answering: number }> {
  const state = { isOver: false, answering: at.length }
  const asking = (async () => {
    while (!state.isOver) {
      state.answering = Math.min(state.answering, (await answers(at)).length)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  })()
  const result = await work.finally(() => {
    state.isOver = true
  })
  await asking
  return { result, answering: state.answering }
}

describe('code', () => {
  test('is enabled while it runs, goes back by itself, and comes to an agent that is killed meanwhile', async () => {
    const up = await workspace.up('--hosts', '3')
    ready = up.ready
    await applied(3)
    const folder = folderOf('one', program('one'))
    const { id: one } = await workspace.ask<{ id: string }>(
      'code',
      'upload',
      'shop/web',
      folder,
      '--description',
      'one',
    )
    expect(await enable(one)).toMatchObject({ code: 0 })
    const at = await places(3)
    expect(await answers(at)).toEqual(['one', 'one', 'one'])

    const two = await uploaded('two', program('two'))
    const forward = await fewest(at, enable(two))
    expect(forward).toMatchObject({ result: { code: 0 }, answering: 2 })
    expect(await answers(at)).toEqual(['two', 'two', 'two'])

    const broken = await uploaded('broken', 'process.exit(3)')
    const back = await fewest(at, enable(broken))
    expect(back).toMatchObject({ result: { code: 1 }, answering: 2 })
    expect(await status()).toMatchObject({ current: two, last: { to: broken, outcome: 'rolled-back' } })
    expect((await status()).last?.reason).toContain('exit code 3')
    await places(3)
    expect(await answers(at)).toEqual(['two', 'two', 'two'])
    expect((await asked<{ code: string }>(explained)).code).toContain(`${broken} was rolled back`)
    expect(JSON.stringify(await asked('events'))).toContain('code.rolled-back')

    expect(await workspace.run('code', 'delete', 'shop/web', two)).toMatchObject({ code: 2 })
    expect(await workspace.run('code', 'delete', 'shop/web', one)).toMatchObject({ code: 0 })
    const file = join(workspace.folder, 'two.tar')
    expect(await workspace.run('code', 'download', 'shop/web', two, '--to', file)).toMatchObject({ code: 0 })
    expect(execFileSync('tar', ['-xOf', file, './web.mjs'], { encoding: 'utf8' })).toBe(program('two'))

    const large = await uploaded('large', program('large'), 12 * 2 ** 20)
    const hosts = await asked<Host[]>('hosts')
    const enabling = enable(large)
    await killedWhileFetching(hosts)
    expect(await enabling).toMatchObject({ code: 0 })
    expect(await answers(at)).toEqual(['large', 'large', 'large'])
    expect(up.running.stderr()).toMatch(/blob_fetched.*"resumedAt":[1-9]|"resumedAt":[1-9].*blob_fetched/)
    expect(await workspace.run('remove', 'shop', '--yes')).toMatchObject({ code: 0 })
  }, 180_000)

  test('is enabled while it runs over a nats-server', async () => {
    ready = (await workspace.up('--hosts', '2', '--broker', 'nats')).ready
    await applied(2)
    expect(await enable(await uploaded('one', program('one')))).toMatchObject({ code: 0 })
    const at = await places(2)
    const two = await uploaded('two', program('two'))
    expect(await fewest(at, enable(two))).toMatchObject({ result: { code: 0 }, answering: 1 })
    expect(await answers(at)).toEqual(['two', 'two'])
    expect(await status()).toMatchObject({ current: two, roll_out: null })
  }, 120_000)
})

/** Kills the agent of the first host that has got a part of an archive. */
async function killedWhileFetching(hosts: readonly Host[]): Promise<void> {
  const isKilled = (): boolean =>
    hosts.some(({ id, pid }) => {
      const folder = join(workspace.data, 'agents', `home.${id}`, 'code')
      const part = readdirSafe(folder).find((name) => name.endsWith('.part'))
      return part !== undefined && statSync(join(folder, part)).size > 2 ** 20 && process.kill(pid, 'SIGKILL')
    })
  await workspace.until(isKilled, 'an archive on its way', 40_000)
}

function readdirSafe(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
