/** A generic service with real processes: its scripts on all members, whoever comes, goes or is killed. */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Ready, type Result, until, Workspace } from './workspace.ts'

interface Script {
  readonly state: string
  readonly code: number | null
}
interface Instance {
  readonly name: string
  readonly host: string
  readonly role: string
  readonly is_member: boolean
  readonly scripts: Readonly<Record<string, Script | null>> | null
}
interface Service {
  readonly term: number
  readonly instances: readonly Instance[]
}
interface Member {
  readonly id: string
  readonly ip: string
  readonly role: string
}
interface Host {
  readonly id: string
  readonly pid: number
}

const file = {
  application: 'lab',
  components: {
    crunch: {
      instances: { min: 1, initial: 3, max: 4 },
      service: {
        init: 'echo init >>told; echo "$MY_IP $MY_ROLE $MASTER_IP" >role',
        run: 'echo "run <$1> <$2>" >>told; until [ -e stop ]; do sleep 0.1; done; echo ran >>told; exit 3',
        interrupt: 'echo interrupted >>told',
        cleanup: 'trap "" TERM; while :; do sleep 1; done',
        notify: 'echo "notified of $(grep -o crunch-. "$LANISTA_MEMBERS" | tr -d "\\n")" >>told',
        grace: '1s',
      },
      members: { grace: '5s' },
    },
  },
}
/** What is waited for in all: the machine may be busy. */
const soonMs = 60_000

let workspace: Workspace
let ready: Ready

beforeEach(() => {
  workspace = new Workspace()
})

afterEach(() => workspace.close())

async function get<T>(path: string): Promise<T> {
  const headers = { authorization: `Bearer ${ready.operator.password}` }
  const response = await fetch(new URL(`/api/v1/${path}`, ready.http), { headers })
  return (await response.json()) as T
}

const service = (): Promise<Service> => get('services/lab/crunch')

/** The members once it is so of each of them. */
async function members(what: string, isSo: (one: Instance) => boolean, count = 3): Promise<readonly Instance[]> {
  let found: readonly Instance[] = []
  const isThere = async (): Promise<boolean> => {
    found = (await service()).instances.filter((one) => one.is_member && isSo(one))
    return found.length === count
  }
  await until(isThere, `${count} members with ${what}`, soonMs)
  return found
}

const isScript =
  (name: string, how: 'running' | number) =>
  ({ scripts }: Instance): boolean => {
    const script = scripts?.[name]
    return how === 'running' ? script?.state === how : script?.state === 'stopped' && script.code === how
  }
const isQuiet = ({ scripts }: Instance): boolean =>
  scripts !== null && Object.values(scripts).every((script) => script?.state !== 'running')

function placeOf({ name, host }: Instance): string {
  return join(workspace.data, 'agents', `home.${host}`, 'instances', name.replace('/', '-'))
}

function told(one: Instance): string[] {
  return readFileSync(join(placeOf(one), 'work/told'), 'utf8')
    .trim()
    .split('\n')
}

function membersTold(one: Instance): Member[] {
  return JSON.parse(readFileSync(join(placeOf(one), 'members/members.json'), 'utf8')) as Member[]
}

const namesOf = (list: readonly Member[]): string => list.map(({ id }) => id.slice(-1)).join('')

/** What scripts wrote, notify aside: it runs whenever a host was away for too long. */
const toldByOthers = (one: Instance): string[] => told(one).filter((line) => !line.startsWith('notified'))

/** Asks until nobody is just being notified. */
async function ask(...args: string[]): Promise<Result> {
  let result: Result | undefined
  const isOver = async (): Promise<boolean> => {
    result = await workspace.run(...args)
    return !result.stderr.includes('notify running')
  }
  await until(isOver, `answer to ${args.join(' ')} but "notify running"`, soonMs)
  return result as Result
}

async function pidOf(host: string): Promise<number> {
  return (await get<Host[]>('hosts')).find(({ id }) => id === host)?.pid ?? 0
}

test('a service runs, is interrupted, grows, and has another master when it loses the first', async () => {
  const started = await workspace.up('--hosts', '3')
  ready = started.ready
  const path = join(workspace.folder, 'lab.json')
  writeFileSync(path, JSON.stringify(file))
  expect(await workspace.run('apply', path)).toMatchObject({ code: 0 })
  let all = await members('a member file of all', (one) => isQuiet(one) && namesOf(membersTold(one)) === '123')
  expect(all.map(({ name, role }) => `${name} ${role}`)).toEqual([
    'lab/crunch-1 master',
    'lab/crunch-2 node',
    'lab/crunch-3 node',
  ])
  const [master, node] = membersTold(all[1] as Instance)
  expect(readFileSync(join(placeOf(all[1] as Instance), 'work/role'), 'utf8')).toBe(`${node?.ip} node ${master?.ip}\n`)

  expect(await ask('run', 'lab/crunch', '--', 'a b', '$c')).toMatchObject({
    code: 0,
    stdout: 'run on lab/crunch-1, lab/crunch-2, lab/crunch-3\n',
  })
  await members('a script that runs', isScript('run', 'running'))
  const refused = await workspace.run('cleanup', 'lab/crunch')
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringMatching(/lab\/crunch-2 on \S+: .*run running/)])
  for (const one of all) {
    const lines = told(one)
    expect([lines[0], lines.at(-1)]).toEqual(['init', 'run <a b> <$c>'])
  }

  const scripts = await workspace.run('scripts', 'lab/crunch')
  expect(scripts.stdout).toMatch(/^lab\/crunch-2 .* run +RUNNING/m)

  // an agent dies, and the script on its host ends while it is away
  const second = all[1] as Instance
  process.kill(await pidOf(second.host), 'SIGKILL')
  for (const one of all) writeFileSync(join(placeOf(one), 'work/stop'), '')
  await members('its return code', isScript('run', 3))
  for (const one of all) {
    expect(told(one).filter((line) => line.startsWith('ra') || line.startsWith('run'))).toEqual([
      'run <a b> <$c>',
      'ran',
    ])
    rmSync(join(placeOf(one), 'work/stop'))
  }

  expect(await ask('run', 'lab/crunch')).toMatchObject({ code: 0 })
  await members('a script that runs', isScript('run', 'running'))
  expect(await workspace.run('interrupt', 'lab/crunch')).toMatchObject({ code: 0 })
  await members('an end by SIGTERM', isScript('run', 143))
  for (const one of all) expect(toldByOthers(one).at(-1)).toBe('interrupted')

  // one comes while a script that is deaf runs: its members are told afterwards
  expect(await ask('cleanup', 'lab/crunch')).toMatchObject({ code: 0 })
  await members('a cleanup', isScript('cleanup', 'running'))
  const before = all.map(told)
  expect(await workspace.run('scale', 'lab/crunch', '+1')).toMatchObject({ code: 0 })
  await until(() => all.every((one) => namesOf(membersTold(one)) === '1234'), 'the newest in member files', soonMs)
  expect(all.map(told)).toEqual(before)
  expect(await workspace.run('interrupt', 'lab/crunch')).toMatchObject({ code: 0 })
  await members('a script of the first interrupt', isScript('interrupt', 0))
  expect(await workspace.run('interrupt', 'lab/crunch')).toMatchObject({ code: 0 })
  await members('an end by SIGKILL', isScript('cleanup', 137))
  const news = 'notified of crunch-1crunch-2crunch-3crunch-4'
  await until(() => all.every((one) => told(one).at(-1) === news), 'a notify on the others', soonMs)
  all = await members('no script that runs', isQuiet, 4)
  expect(told(all[3] as Instance)).toEqual(['init'])
  const idle = await workspace.run('interrupt', 'lab/crunch')
  expect([idle.code, idle.stderr]).toEqual([1, expect.stringContaining('no script that runs')])

  // the host of the master is lost: what makes its agent's start fail keeps it away
  const [first] = all
  const store = join(workspace.data, 'agents', `home.${first?.host}`, 'store')
  const pid = await pidOf(first?.host ?? '')
  renameSync(store, `${store}.aside`)
  writeFileSync(store, '')
  process.kill(pid, 'SIGKILL')
  await until(async () => (await service()).term === 2, 'another master', soonMs)
  const others = all.filter(({ host }) => host !== first?.host)
  const isNews = (one: Instance): boolean =>
    membersTold(one)[0]?.role === 'master' && !namesOf(membersTold(one)).includes('1')
  await until(() => others.every(isNews), 'member files without the lost one', soonMs)
  const masters = others.map((one) => membersTold(one).filter(({ role }) => role === 'master'))
  expect(new Set(masters.map((list) => JSON.stringify(list))).size).toBe(1)
  expect(masters[0]?.map(({ id }) => id)).toEqual([others[0]?.name.replace('/', '-')])
  expect(existsSync(join(placeOf(first as Instance), 'members/members.json'))).toBe(true)
  expect(started.running.stderr()).not.toContain('instances_not_reconciled')
})
