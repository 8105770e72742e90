/** The unit, transient scopes and upgrades under a real systemd; one boot for all of it, so the tests are one story. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { generateNkey } from '#broker/nkey.ts'
import { makeBundle } from './agent-bundles.ts'
import { SystemdMachine } from './systemd-machine.ts'
import { firstLine, type Ready, Workspace } from './workspace.ts'

interface Host {
  readonly id: string
  readonly state: string
  readonly version: string
  readonly pid: number
}

interface Upgrade {
  readonly state: string
  readonly hosts: readonly { readonly state: string; readonly code: string | null; readonly reason: string | null }[]
}

const dist = process.env['LANISTA_DIST'] ?? fileURLToPath(new URL('../../dist', import.meta.url))
const units = fileURLToPath(new URL('../../scripts/systemd', import.meta.url))
const id = 'default.ec2.vm1'
const unit = 'lanista-agent.service'
const dropIns = `/etc/systemd/system/${unit}.d`

/** One directory component with limits, and without a port. */
const application = `
application: shop
components:
  db:
    instances: { min: 1, initial: 1, max: 1 }
    isolation: directory
    lifecycle: { start: "exec sleep 100000" }
    place: { cloud: ec2 }
    resources: { memory: 64M, processes: 20, cpu: 0.5 }
`

let workspace: Workspace
let machine: SystemdMachine
/** The controller's API, and the token for it. */
let api = { http: '', operator: { password: '' } }

beforeAll(async () => {
  workspace = new Workspace()
  machine = await SystemdMachine.boot(`lanista-${process.pid}`)
  const folder = '/usr/lib/lanista'
  await machine.bring(join(dist, 'agent-bundle.tar.gz'), '/tmp/agent-bundle.tar.gz')
  await machine.run('mkdir', '-p', folder)
  await machine.run('tar', '-xzf', '/tmp/agent-bundle.tar.gz', '-C', folder)
  await machine.bring(join(units, 'launch.sh'), `${folder}/launch.sh`)
  await machine.bring(join(units, unit), `/etc/systemd/system/${unit}`)
  await machine.run('groupadd', '--system', 'docker')
  await machine.run('useradd', '--system', 'lanista')
  // as short as a test wants it
  await machine.write(`${dropIns}/test.conf`, '[Service]\nRestartSec=200ms\nWatchdogSec=5s\n')
  const identity = ['/usr/bin/node', `${folder}/agent.mjs`, 'identity', '--data', '/var/lib/private/lanista']
  const { nkey } = JSON.parse(await machine.run(...identity, '--id', id, '--json')) as { nkey: string }
  await startController(nkey)
  await machine.run('systemctl', 'daemon-reload')
}, 120_000)

afterAll(async () => {
  await machine?.[Symbol.asyncDispose]()
  await workspace.close()
})

/** A controller outside, and the agent's configuration that leads to it. */
async function startController(nkey: string): Promise<void> {
  const key = generateNkey()
  await mkdir(join(workspace.data, 'controller'), { recursive: true, mode: 0o700 })
  await writeFile(join(workspace.data, 'controller', 'order-key.json'), JSON.stringify({ seed: key.seed }), {
    mode: 0o600,
  })
  const config = join(workspace.folder, 'controller.json')
  const address = { host: '127.0.0.1', port: 0 }
  await writeFile(
    config,
    JSON.stringify({
      data: workspace.data,
      http: address,
      brokerListen: address,
      agents: [{ id, nkey }],
      homeAgent: false,
      heartbeatIntervalMs: 500,
    }),
  )
  const controller = workspace.start(['controller', '--config', config, '--json'])
  const ready = JSON.parse(await firstLine(controller)) as Ready
  api = ready
  const agent = {
    tenant: 'default',
    cloud: 'ec2',
    host: 'vm1',
    broker: [ready.broker],
    carbon: { host: '127.0.0.1', port: 0, fourFields: true },
    ring: { copies: 1 },
    orders: { key: key.publicKey, allow: ['*'] },
    instances: { allow: { images: [], volumes: [] } },
  }
  await machine.write('/etc/lanista/agent.yaml', JSON.stringify(agent))
}

async function host(): Promise<Host | undefined> {
  const headers = { authorization: `Bearer ${api.operator.password}` }
  const answer = await fetch(`${api.http}/api/v1/hosts`, { headers })
  return ((await answer.json()) as Host[])[0]
}

/** Waits for a life of the agent that the controller hears, other than the one before. */
async function online(before = 0): Promise<number> {
  let pid = 0
  await workspace.until(
    async () => {
      pid = Number(await machine.property(unit, 'MainPID'))
      const seen = await host()
      return pid !== before && pid !== 0 && seen?.state === 'online' && seen.pid === pid
    },
    'agent online',
    30_000,
  )
  return pid
}

/** The process of the one instance: its id inside. */
async function instancePid(): Promise<string> {
  return (await machine.running('sleep 100000')).join(' ')
}

async function scopes(): Promise<readonly string[]> {
  const listed = await machine.run('systemctl', 'list-units', '--plain', '--no-legend', '--type=scope', 'lanista-*')
  return listed.split('\n').flatMap((line) => line.split(' ')[0] || [])
}

/** Builds the bundle, orders the upgrade, and waits for its end. */
async function upgrade(version: string, fault: Parameters<typeof makeBundle>[3], gate: string): Promise<Upgrade> {
  const bundle = await makeBundle(dist, workspace.folder, version, fault)
  const words = ['hosts', 'upgrade', 'vm1', '--to', bundle, '--gate', gate, '--json']
  return JSON.parse((await workspace.run(...words)).stdout) as Upgrade
}

/** Which bundle the launcher starts. */
function current(): Promise<string> {
  return machine.run('readlink', '/var/lib/lanista/bundles/current')
}

test('the unit tells systemd that it is ready, and its watchdog that it is alive', async () => {
  await machine.run('systemctl', 'start', unit)
  const pid = await online()
  expect(await machine.property(unit, 'ActiveState')).toBe('active')
  expect(await machine.property(unit, 'StatusText')).toMatch(/series/)
  expect(Number(await machine.run('stat', '-c', '%u', `/proc/${pid}`))).toBeGreaterThan(60_000) // a user made for this start
  await machine.run('systemctl', 'kill', '--signal=SIGSTOP', unit)
  await online(pid)
  expect(await machine.run('journalctl', '--no-pager', '-u', unit)).toMatch(/Watchdog timeout/)
})

test('an upgrade runs from then on, over restarts too', async () => {
  expect(await upgrade('0.1.1', 'none', '30s')).toMatchObject({ state: 'done', hosts: [{ state: 'done' }] })
  const before = await online()
  expect(await host()).toMatchObject({ version: '0.1.1' })
  await machine.run('systemctl', 'restart', unit)
  await online(before)
  expect([(await host())?.version, await current()]).toEqual(['0.1.1', 'a'])
})

describe('with the drop-in that runs components', () => {
  beforeAll(async () => {
    await machine.bring(join(units, 'lance.conf'), `${dropIns}/lance.conf`)
    await machine.bring(join(units, 'lanista.rules'), '/etc/polkit-1/rules.d/lanista.rules')
    await machine.run('systemctl', 'daemon-reload')
    await machine.run('systemctl', 'restart', 'polkit', unit)
    await online()
  })

  test('a directory instance runs in a scope of its own, with its limits, and outlives the agent', async () => {
    const file = join(workspace.folder, 'shop.yaml')
    await writeFile(file, application)
    await workspace.ask('apply', file)
    await workspace.until(async () => (await instancePid()) !== '', 'instance that runs', 30_000)
    const pid = await instancePid()
    const [scope = 'none', ...others] = await scopes()
    expect(others).toEqual([])
    expect(await machine.property(scope, 'MemoryMax')).toBe(String(64 * 1024 ** 2))
    expect(await machine.property(scope, 'TasksMax')).toBe('20')
    expect(await machine.property(scope, 'CPUQuotaPerSecUSec')).toBe('500ms')
    expect(await machine.read(`/proc/${pid}/oom_score_adj`)).toBe('0\n')
    expect(await machine.run('stat', '-c', '%U', `/proc/${pid}`)).toBe('lanista')

    const first = await online()
    await machine.run('systemctl', 'restart', unit)
    const second = await online(first)
    await machine.run('systemctl', 'kill', '--signal=SIGKILL', '--kill-whom=main', unit)
    await online(second)
    expect([await instancePid(), await scopes()]).toEqual([pid, [scope]])
  })
})

describe('an upgrade that does not work', () => {
  test.each([
    ['0.1.2', 'crash', '30s', /ended 3 times before it was confirmed/],
    ['0.1.3', 'hang', '3s', /not confirmed within 3 s/],
    ['0.1.4', 'deaf', '3s', /not confirmed within 3 s/],
  ] as const)('to %s, which will %s, goes back by itself and says so', async (version, fault, gate, reason) => {
    const pid = await instancePid()
    const failed = { state: 'failed', code: 'UPGRADE_ROLLED_BACK', reason: expect.stringMatching(reason) as string }
    expect(await upgrade(version, fault, gate)).toMatchObject({ state: 'stopped', hosts: [failed] })
    expect(await host()).toMatchObject({ version: '0.1.1' })
    expect([await current(), await instancePid()]).toEqual(['a', pid])
  })
})

test('what is removed leaves no process, scope or folder', async () => {
  await workspace.run('remove', 'shop', '--yes')
  await workspace.until(async () => (await instancePid()) === '', 'end of the instance', 30_000)
  await workspace.until(async () => (await scopes()).length === 0, 'end of its scope', 10_000)
  const left = (): Promise<string> => machine.run('ls', '/var/lib/lanista/instances')
  await workspace.until(async () => (await left()) === '', 'end of its folder', 30_000)
})
