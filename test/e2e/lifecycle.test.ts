/** Nothing that ends, however it ends, needs anything cleaned by hand. */
import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { lastingPorts } from './lasting-port.ts'
import { commandLine, descendants, stillRunning } from './process-tree.ts'
import { type Running, sendLines, Workspace } from './workspace.ts'

interface Host {
  readonly id: string
  readonly state: string
  readonly session: number
  readonly pid: number
  readonly carbon: string
}

let workspace: Workspace

beforeEach(() => {
  workspace = new Workspace()
})

afterEach(() => workspace.close())

describe.each(['embedded', 'nats'])('on the broker %s', (broker) => {
  test.each(['SIGINT', 'SIGTERM'] as const)('%s stops everything within seconds, with exit code 0', async (signal) => {
    const { running } = await workspace.up('--broker', broker, '--hosts', '2')
    const family = [running.pid, ...descendants(running.pid)]
    expect(family.length).toBe(broker === 'nats' ? 4 : 3)

    const before = performance.now()
    running.child.kill(signal)
    expect((await running.ended).code).toBe(0)
    expect(performance.now() - before).toBeLessThan(15_000)
    expect(stillRunning(family).map(commandLine)).toEqual([])
  })

  test('up that is killed takes its agents with it, and the next up finds its place free', async () => {
    const [http, port] = await lastingPorts(2)
    const ports = ['--http-port', String(http), '--broker-port', String(port)]
    const first = await workspace.up('--broker', broker, '--hosts', '2', ...ports)
    const family = [first.running.pid, ...descendants(first.running.pid)]
    await sendLines(first.ready.carbon[0], `before.kill 1 ${Math.floor(Date.now() / 1000)}`)
    first.running.child.kill('SIGKILL')
    await first.running.ended

    // on the very ports of the first, at once
    const second = await workspace.up('--broker', broker, '--hosts', '2', ...ports)
    expect(second.ready.operator).toEqual(first.ready.operator)
    expect(second.ready.http).toBe(first.ready.http)
    expect(stillRunning(family).map(commandLine)).toEqual([])
    expect((await workspace.ask<Host[]>('hosts')).map((host) => host.state)).toEqual(['online', 'online'])
  })

  test('an agent that is killed comes back on its port with a newer session', async () => {
    await workspace.up('--broker', broker)
    const [before] = await workspace.ask<Host[]>('hosts')
    process.kill(before?.pid ?? 0, 'SIGKILL')
    await workspace.until(async () => (await newSession(before)) !== undefined, 'a newer session', 30_000)
    const after = await newSession(before)
    expect(after).toMatchObject({ id: before?.id, carbon: before?.carbon })
    await sendLines(after?.carbon, `after.kill 7 ${Math.floor(Date.now() / 1000)}`)
    await workspace.until(async () => (await newest('after.kill')) === 7, 'the value', 10_000)
  })
})

test('with --restart never an agent that is killed stays dead, and is seen offline', async () => {
  const { running } = await workspace.up('--restart', 'never')
  const [before] = await workspace.ask<Host[]>('hosts')
  process.kill(before?.pid ?? 0, 'SIGKILL')
  await workspace.until(async () => (await workspace.ask<Host[]>('hosts'))[0]?.state === 'offline', 'offline', 60_000)
  expect(descendants(running.pid)).toEqual([])
})

test('a nats-server that is killed comes back on its port, and everything goes on', async () => {
  const { running, ready } = await workspace.up('--broker', 'nats')
  const server = natsServerOf(running)
  process.kill(server, 'SIGKILL')
  await workspace.until(
    () => natsServerOf(running) !== server && natsServerOf(running) > 0,
    'another nats-server',
    30_000,
  )
  await sendLines(ready.carbon[0], `after.broker 8 ${Math.floor(Date.now() / 1000)}`)
  // until the agent is back on the bus nobody answers, and the command says so
  const value = (): Promise<number | undefined> => newest('after.broker').catch(() => undefined)
  await workspace.until(async () => (await value()) === 8, 'the value', 60_000)
})

test('watch ends with 0 at Ctrl-C, and quietly when its reader goes away', async () => {
  const { ready } = await workspace.up()
  const watch = workspace.start(['watch', '>', '--json'])
  await workspace.until(
    async () => {
      await sendLines(ready.carbon[0], `a.b 1 ${Math.floor(Date.now() / 1000)}`)
      return watch.stdout() !== ''
    },
    'a first line',
    20_000,
  )
  watch.child.kill('SIGINT')
  expect(await watch.ended).toMatchObject({ code: 0, stderr: '' })

  const piped = workspace.start(['watch', '>', '--json'])
  piped.child.stdout?.destroy()
  let end: number | null | undefined
  void piped.ended.then((result) => {
    end = result.code
  })
  await workspace.until(
    async () => {
      await sendLines(ready.carbon[0], `a.b 1 ${Math.floor(Date.now() / 1000)}`)
      return end !== undefined
    },
    'the end of watch',
    20_000,
  )
  expect(end).toBe(0)
  expect(piped.stderr()).toBe('')
})

test('the data folder survives: the same operator, the same agent, the same folder', async () => {
  const first = await workspace.up()
  const [before] = await workspace.ask<Host[]>('hosts')
  first.running.child.kill('SIGINT')
  await first.running.ended
  expect(existsSync(workspace.data)).toBe(true)
  const second = await workspace.up()
  const [after] = await workspace.ask<Host[]>('hosts')
  expect(second.ready.operator).toEqual(first.ready.operator)
  expect(after?.id).toBe(before?.id)
  expect(after?.session).toBeGreaterThan(before?.session ?? 0)
})

async function newSession(before: Host | undefined): Promise<Host | undefined> {
  const [host] = await workspace.ask<Host[]>('hosts')
  return host && host.state === 'online' && host.session > (before?.session ?? 0) ? host : undefined
}

async function newest(match: string): Promise<number | undefined> {
  const answers = await workspace.ask<{ samples: [number, number][] }[]>('query', match, '--last')
  return answers[0]?.samples.at(-1)?.[1]
}

function natsServerOf(running: Running): number {
  return descendants(running.pid).find((pid) => commandLine(pid).includes('nats-server')) ?? -1
}

test('an agent that cannot open its store is started again until it can', async () => {
  const { running, ready } = await workspace.up()
  const [folder = ''] = readdirSync(join(workspace.data, 'agents'))
  const store = join(workspace.data, 'agents', folder, 'store')
  const online = async (): Promise<Host | undefined> =>
    (await workspace.ask<Host[]>('hosts')).find(({ state }) => state === 'online')
  const before = await online()

  renameSync(store, `${store}.aside`)
  writeFileSync(store, '')
  process.kill(before?.pid ?? 0, 'SIGKILL')
  const failures = (): number =>
    running
      .stderr()
      .split('\n')
      .filter((line) => /"code":[12],.*agent_ended/.test(line)).length
  await workspace.until(() => failures() >= 2, 'two starts that failed', 20_000)

  rmSync(store)
  renameSync(`${store}.aside`, store)
  await workspace.until(async () => ((await online())?.pid ?? before?.pid) !== before?.pid, 'the agent', 30_000)
  await sendLines(ready.carbon[0], `after.all 1 ${Math.floor(Date.now() / 1000)}`)
}, 90_000)
