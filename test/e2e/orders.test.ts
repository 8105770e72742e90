/** Orders with real processes: from the command line through the controller, a real broker and the agent's journal, and back. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Workspace } from './workspace.ts'

interface Order {
  readonly id: string
  readonly state: string
  readonly code: string | null
  readonly result: unknown
}

interface Host {
  readonly id: string
  readonly state: string
  readonly pid: number
}

let workspace: Workspace

beforeEach(() => {
  workspace = new Workspace()
})

afterEach(() => workspace.close())

async function hosts(): Promise<readonly Host[]> {
  return workspace.ask<Host[]>('hosts')
}

async function settled(id: string): Promise<Order> {
  let order: Order | undefined
  await workspace.until(
    async () => {
      const result = await workspace.run('orders', 'show', id, '--json')
      order = result.stdout === '' ? undefined : (JSON.parse(result.stdout) as Order)
      return order !== undefined && !['queued', 'sent', 'received', 'started', 'unknown'].includes(order.state)
    },
    `end of ${id}`,
    60_000,
  )
  return order as Order
}

describe.each(['embedded', 'nats'])('orders over %s', (broker) => {
  test('reach a running agent, change what it measures, and outlast its death', async () => {
    await workspace.up('--broker', broker)
    const [{ id: host, pid } = { id: '', pid: 0 }] = await hosts()
    const ping = await workspace.ask<Order>('orders', 'send', host, 'ping', '{"n":1}', '--now', '20s')
    expect(ping).toMatchObject({ state: 'done', result: { n: 1 } })

    const sensors = [{ id: 'ordered', sensor: 'load', intervalMs: 200, tags: { by: 'order' } }]
    const body = JSON.stringify({ sensors })
    await workspace.ask('orders', 'send', host, 'sensors-configure', body, '--key', 'sensors', '--now', '20s')
    const measures = async (): Promise<boolean> =>
      (await workspace.ask<unknown[]>('query', 'load.1m;by=order', '--from', '-1s')).length > 0
    await workspace.until(measures, 'samples of the ordered sensor', 20_000)

    const wrong = await workspace.run(
      'orders',
      'send',
      host,
      'sensors-configure',
      '{"sensors":[{"sensor":"no"}]}',
      '--now',
      '20s',
      '--json',
    )
    expect(wrong.code).toBe(1)
    expect(JSON.parse(wrong.stdout)).toMatchObject({ state: 'failed', code: 'SENSOR_PARAMETERS' })

    process.kill(pid, 'SIGKILL')
    const later = await workspace.ask<Order>('orders', 'send', host, 'ping', '2')
    expect(await settled(later.id)).toMatchObject({ state: 'done', result: 2 })
    await workspace.until(measures, 'samples of the ordered sensor after a restart', 20_000)
    const listed = await workspace.ask<Order[]>('orders', '--host', host, '--state', 'done')
    expect(listed.map(({ id }) => id)).toContain(later.id)
  })

  test('survive the death of controller and agent between row and receipt', async () => {
    const first = await workspace.up('--broker', broker)
    const [{ id: host, pid } = { id: '', pid: 0 }] = await hosts()
    process.kill(pid, 'SIGSTOP')
    const order = await workspace.ask<Order>('orders', 'send', host, 'ping', '"after"')
    first.running.child.kill('SIGKILL')
    process.kill(pid, 'SIGKILL')
    await first.running.ended
    await workspace.up('--broker', broker)
    expect(await settled(order.id)).toMatchObject({ state: 'done', result: 'after' })
  })
})

test('what cannot be is told: an unknown verb, an unknown host, a body that is none, nobody there', async () => {
  await workspace.up('--restart', 'never')
  const [{ id: host, pid } = { id: '', pid: 0 }] = await hosts()
  const refused = await workspace.ask<Order>('orders', 'send', host, 'dance')
  expect(await settled(refused.id)).toMatchObject({ state: 'refused', code: 'VERB_UNKNOWN' })

  const unknown = await workspace.run('orders', 'send', 'nowhere', 'ping')
  expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('nowhere') as string })
  const misspelt = await workspace.run('orders', 'send', host, 'ping', '{')
  expect(misspelt).toMatchObject({ code: 2, stderr: expect.stringContaining('JSON') as string })

  process.kill(pid, 'SIGKILL')
  await workspace.until(async () => (await hosts())[0]?.state !== 'online', 'the host to be missed', 30_000)
  const alone = await workspace.run('orders', 'send', host, 'ping', '--now', '20s')
  expect(alone).toMatchObject({ code: 1, stderr: expect.stringContaining('nobody is there') as string })

  const queued = await workspace.ask<Order>('orders', 'send', host, 'ping')
  const cancelled = await workspace.run('orders', 'cancel', queued.id, '--json')
  expect(JSON.parse(cancelled.stdout)).toMatchObject({ state: 'superseded', code: 'CANCELLED' })
})
