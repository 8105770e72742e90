/** What the first page of the README promises, with real processes, on both brokers. */
import { readFileSync, statfsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { connect as connectNats } from 'nats'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Ready, type Running, sendLines, Workspace } from './workspace.ts'

interface Answer {
  readonly name: string
  readonly host: string
  readonly samples: readonly (readonly [number, number])[]
}

interface Host {
  readonly id: string
  readonly cloud: string
  readonly state: string
  readonly pid: number
  readonly carbon: string
}

let workspace: Workspace

beforeEach(() => {
  workspace = new Workspace()
})

afterEach(() => workspace.close())

describe.each(['embedded', 'nats'])('on the broker %s', (broker) => {
  test('a line in is a value in the query within two seconds, and on every live subscription', async () => {
    const { ready } = await workspace.up('--broker', broker)
    const watch = workspace.start(['watch', 'shop.>', '--json'])
    const foreign = await foreignSubscriber(broker, ready)
    await workspace.until(() => heard(watch, foreign, ready), 'subscriptions in force', 20_000)

    const sentAt = performance.now()
    await sendLines(ready.carbon[0], `shop.orders 42 ${Math.floor(Date.now() / 1000)}`)
    await workspace.until(async () => (await newest('shop.orders')) === 42, 'the value 42', 2_000)
    expect(performance.now() - sentAt).toBeLessThan(2_000 + 1_000) // the last look is a process of its own

    await workspace.until(() => watchedValues(watch).includes(42), 'the line in watch', 2_000)
    await workspace.until(() => foreign.values().includes(42), 'the message at a foreign client', 2_000)
    await foreign.close()
  })

  test('hosts shows this machine online with values that agree with /proc', async () => {
    const { ready } = await workspace.up('--broker', broker)
    const [host, ...others] = await workspace.ask<Host[]>('hosts')
    expect(others).toEqual([])
    expect(host).toMatchObject({ cloud: 'home', state: 'online', carbon: ready.carbon[0] })
    expect(readFileSync(`/proc/${host?.pid}/cmdline`, 'utf8')).toContain('agent.mjs')

    await workspace.until(async () => (await newest('memory.total')) !== undefined, 'the first sensor values', 30_000)
    expect(await newest('memory.total')).toBe(memInfo('MemTotal'))
    const available = (await newest('memory.available')) ?? 0
    expect(Math.abs(available - memInfo('MemAvailable'))).toBeLessThan(memInfo('MemTotal') * 0.1)

    await workspace.until(
      async () => Object.values(await vitals()).every((value) => value !== null),
      'all vital signs',
      30_000,
    )
    const { cpu = -1, memory = -1, disk = -1, network = -1 } = await vitals()
    const used = 100 * (1 - memInfo('MemAvailable') / memInfo('MemTotal'))
    const { blocks, bfree, bavail } = statfsSync('/')
    expect(cpu >= 0 && cpu <= 100).toBe(true)
    expect(Math.abs(memory - used)).toBeLessThan(10)
    expect(Math.abs(disk - (100 * (blocks - bfree)) / (blocks - bfree + bavail))).toBeLessThan(5)
    expect(network).toBeGreaterThanOrEqual(0)
  })
})

test('several hosts in several clouds, each with a port of its own', async () => {
  const { ready } = await workspace.up('--hosts', '3', '--clouds', '2')
  const hosts = await workspace.ask<Host[]>('hosts')
  expect(hosts.map((host) => host.cloud).sort()).toEqual(['home', 'home', 'local-1'])
  expect(new Set(hosts.map((host) => host.carbon))).toEqual(new Set(ready.carbon))

  const now = Math.floor(Date.now() / 1000)
  await Promise.all(ready.carbon.map((place, i) => sendLines(place, `each.host ${i} ${now}`)))
  await workspace.until(
    async () => (await workspace.ask<Answer[]>('query', 'each.host', '--last')).length === 3,
    'all hosts',
    5_000,
  )
})

test('the token file is the operator’s alone, and HTTP without a token is 401', async () => {
  const { ready, running } = await workspace.up()
  const path = join(workspace.folder, 'config', 'lanista', 'tokens.json')
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({
    [ready.http]: {
      token: ready.operator.password,
      process: { pid: running.pid, started: expect.any(String) as string },
    },
  })
  for (const at of ['/api/v1/hosts', '/api/v1/health', '/metrics', '/docs', '/openapi.json']) {
    expect([at, (await fetch(new URL(at, ready.http))).status]).toEqual([at, 401])
  }
})

test('every asking command answers, for people and as JSON', async () => {
  const { ready } = await workspace.up()
  await sendLines(ready.carbon[0], `shop.orders;shop=a 1 ${Math.floor(Date.now() / 1000)}`)
  await workspace.until(async () => (await newest('shop.orders')) === 1, 'the value', 5_000)

  expect((await workspace.run('metrics', 'shop.*')).stdout).toMatch(/shop\.orders;shop=a/)
  expect((await workspace.run('query', 'shop.orders;shop=a')).stdout).toMatch(/shop\.orders;shop=a .* 1\n/)
  expect((await workspace.run('query', 'shop.*', '--function', 'mean')).stdout).toMatch(/VALUE\n.* 1\n/)
  expect((await workspace.run('hosts')).stdout).toMatch(/online/)
  expect((await workspace.run('top')).stdout).toMatch(/online/)
  expect((await workspace.run('doctor', '--data', workspace.data)).code).toBe(0)
  const value = await workspace.ask<{ value: number }[]>('query', 'shop.*', '--function', 'count')
  expect(value.map((answer) => answer.value)).toEqual([1])
})

test('lines says what would become of carbon lines', async () => {
  const running = workspace.start([
    'lines',
    '-',
    '--now',
    '1700000000000',
    '--json',
    '--controller',
    'http://127.0.0.1:1',
  ])
  running.child.stdin?.end('a.b;x=y 1.5 1700000000\na.b nonsense 1700000000\n')
  const { code, stdout } = await running.ended
  expect(code).toBe(0)
  expect(
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual([
    { line: 1, name: 'a.b', tags: { x: 'y' }, value: 1.5, timestampMs: 1_700_000_000_000 },
    { line: 2, reject: 'value' },
  ])
})

async function newest(match: string): Promise<number | undefined> {
  const answers = await workspace.ask<Answer[]>('query', match, '--last')
  return answers[0]?.samples.at(-1)?.[1]
}

async function vitals(): Promise<Record<string, number>> {
  const [host] = await workspace.ask<{ vitals: Record<string, number> }[]>('hosts')
  return host?.vitals ?? {}
}

function watchedValues(watch: Running): number[] {
  const lines = watch.stdout().split('\n').slice(0, -1)
  return lines.map((line) => (JSON.parse(line) as { value: number }).value)
}

interface Foreign {
  values(): number[]
  close(): Promise<void>
}

/** A client that is none of ours, with the operator's credential: `mosquitto_sub`, or a plain NATS client. */
async function foreignSubscriber(broker: string, ready: Ready): Promise<Foreign> {
  return broker === 'nats' ? natsSubscriber(ready) : mosquittoSubscriber(ready)
}

async function natsSubscriber(ready: Ready): Promise<Foreign> {
  const { user, password } = ready.operator
  const client = await connectNats({ servers: ready.broker, user, pass: password })
  const values: number[] = []
  client.subscribe('lanista.*.*.*.metric.shop.orders', {
    callback: (error, message) => {
      if (!error) values.push(message.json<{ v: number }>().v)
    },
  })
  await client.flush()
  return { values: () => values, close: () => client.close() }
}

async function mosquittoSubscriber(ready: Ready): Promise<Foreign> {
  const { hostname, port } = new URL(ready.broker)
  const { user, password } = ready.operator
  const topic = 'lanista/+/+/+/metric/shop/orders'
  const running = workspace.startProgram('mosquitto_sub', [
    '-h',
    hostname,
    '-p',
    port,
    '-u',
    user,
    '-P',
    password,
    '-t',
    topic,
  ])
  const values = (): number[] =>
    running
      .stdout()
      .split('\n')
      .slice(0, -1)
      .map((line) => (JSON.parse(line) as { v: number }).v)
  return {
    values,
    close: async () => {
      running.child.kill()
      await running.ended
    },
  }
}

/** Sends marks until both subscriptions have shown one. */
async function heard(watch: Running, foreign: Foreign, ready: Ready): Promise<boolean> {
  await sendLines(ready.carbon[0], `shop.orders 1 ${Math.floor(Date.now() / 1000)}`)
  await new Promise((resolve) => setTimeout(resolve, 200))
  return watchedValues(watch).length > 0 && foreign.values().length > 0
}

function memInfo(key: string): number {
  const line = new RegExp(`^${key}: +(\\d+) kB$`, 'm').exec(readFileSync('/proc/meminfo', 'utf8'))
  return Number(line?.[1]) * 1024
}
