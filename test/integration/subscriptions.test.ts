/** Subscriptions into receivers for real: Debian's VictoriaMetrics, InfluxDB and carbon. */
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { SubscriptionStage } from '#controller/subscriptions/subscription-stage.ts'
import { until } from '../e2e/workspace.ts'
import {
  openCarbonCache,
  openInflux,
  openVictoriaMetrics,
  type Receiver,
  whisperPoints,
} from './subscription-receivers.ts'

const deadlineMs = 30_000
/** A tag with all that a line protocol finds special and a series may have. */
const awkward = 'disk.read;device=sd,a=1;mount=/var/l"ib\\;we.ird=é'

/** A whole second, twenty of them ago. */
const startMs = (): number => Math.floor(Date.now() / 1000) * 1000 - 20_000

function delivered(stage: SubscriptionStage, id: string): number {
  return stage.service.get('main', id).counters.delivered
}

function all(stage: SubscriptionStage, id: string, count: number): Promise<void> {
  return until(() => delivered(stage, id) === count, `${count} delivered to ${id}`, deadlineMs)
}

type Labels = Readonly<Record<string, string>>

/** Everything VictoriaMetrics has of a selector: labels and values by time. */
async function exported(
  { ports }: Receiver,
  match: string,
  headers: Record<string, string> = {},
): Promise<{ metric: Labels; values: (number | null)[]; timestamps: number[] }[]> {
  const url = `http://127.0.0.1:${ports['http']}`
  await (await fetch(`${url}/internal/force_flush`, { headers })).text()
  const response = await fetch(`${url}/api/v1/export?match[]=${encodeURIComponent(match)}`, { headers })
  const lines = (await response.text()).split('\n').filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line) as { metric: Labels; values: number[]; timestamps: number[] })
}

it('VictoriaMetrics takes remote writes, with the labels and samples that were measured', async () => {
  await using receiver = await openVictoriaMetrics('pass-word')
  await using stage = await SubscriptionStage.open()
  const to = {
    remoteWrite: `http://127.0.0.1:${receiver.ports['http']}/api/v1/write`,
    user: 'writer',
    token: 'pass-word',
  }
  await stage.put('vm', { match: ['disk.*', 'cpu.*', 'monitor.shop.*'], to })
  const from = startMs()
  for (let i = 0; i < 3; i++) {
    stage.hear('cpu.usage', i + 0.5, from + i * 1000)
    stage.hear('cpu.usage', i + 100, from + i * 1000, 'main.home.h2')
    stage.hear(awkward, i, from + i * 1000)
  }
  const result = { tenant: 'main', series: { name: 'monitor.shop.load', tags: { scope: 'cross-cloud' } } }
  stage.service.offer({ ...result, timestampMs: from, value: 7 })
  stage.service.offer({ ...result, timestampMs: from + 1000, value: null })
  await all(stage, 'vm', 11)
  const headers = { authorization: `Basic ${Buffer.from('writer:pass-word').toString('base64')}` }
  const found = await exported(receiver, '{cloud="home"}', headers)
  const timestamps = [from, from + 1000, from + 2000]
  expect(found).toHaveLength(3)
  expect(found).toEqual(
    expect.arrayContaining([
      { metric: { __name__: 'cpu_usage', cloud: 'home', host: 'h1' }, values: [0.5, 1.5, 2.5], timestamps },
      { metric: { __name__: 'cpu_usage', cloud: 'home', host: 'h2' }, values: [100, 101, 102], timestamps },
      {
        metric: {
          __name__: 'disk_read',
          cloud: 'home',
          host: 'h1',
          device: 'sd,a=1',
          mount: '/var/l"ib\\',
          we_ird: 'é',
        },
        values: [0, 1, 2],
        timestamps,
      },
    ]),
  )
  const [load] = await exported(receiver, 'monitor_shop_load', headers)
  expect(load).toMatchObject({ metric: { scope: 'cross-cloud' }, values: [7, null] })
})

it('a wrong password is refused once, with the reason', async () => {
  await using receiver = await openVictoriaMetrics('pass-word')
  await using stage = await SubscriptionStage.open()
  const to = { remoteWrite: `http://127.0.0.1:${receiver.ports['http']}/api/v1/write`, user: 'writer', token: 'other' }
  await stage.put('vm', { match: 'cpu.*', to })
  stage.hear('cpu.usage', 1, startMs())
  const view = (): ReturnType<typeof stage.service.get> => stage.service.get('main', 'vm')
  await until(() => view().counters.refused === 1, 'refusal', deadlineMs)
  expect(view()).toMatchObject({
    counters: { attempts: 1, delivered: 0 },
    health: { state: 'failing', lastError: expect.stringContaining('HTTP 401') },
  })
  expect(stage.events).toEqual([
    {
      tenant: 'main',
      id: 'subscription-7.1-1',
      kind: 'subscription.failing',
      fields: { subscription: 'vm', reason: expect.stringContaining('HTTP 401') },
    },
  ])
})

it('VictoriaMetrics takes tagged carbon lines, and all of them after it was killed', async () => {
  await using receiver = await openVictoriaMetrics()
  await using stage = await SubscriptionStage.open()
  await stage.put('lines', { match: 'cpu.*', to: { carbon: `127.0.0.1:${receiver.ports['graphite']}`, tags: true } })
  const from = startMs()
  stage.hear('cpu.core;core=1', 1, from)
  await all(stage, 'lines', 1)
  await receiver.kill()
  stage.hear('cpu.core;core=1', 2, from + 1000)
  const failures = (): number => stage.service.get('main', 'lines').counters.failures
  await until(() => failures() > 0, 'failure', deadlineMs)
  stage.hear('cpu.core;core=1', 3, from + 2000)
  await receiver.restart()
  await all(stage, 'lines', 3)
  const [found] = await exported(receiver, '{__name__="cpu.core"}')
  expect(found?.metric).toEqual({ __name__: 'cpu.core', cloud: 'home', host: 'h1', core: '1' })
  expect(found?.values.slice(-2)).toEqual([2, 3]) // the first may have died with it, unsynced
})

it('VictoriaMetrics takes line protocol in the form of InfluxDB 2', async () => {
  await using receiver = await openVictoriaMetrics()
  await using stage = await SubscriptionStage.open()
  const to = { influx: `http://127.0.0.1:${receiver.ports['http']}`, org: 'o', bucket: 'b', token: 't' }
  await stage.put('influx', { match: 'cpu.*', above: 10, to })
  const from = startMs()
  for (const [i, value] of [5, 15, 10, 25].entries()) stage.hear('cpu.usage', value, from + i * 1000)
  await all(stage, 'influx', 2)
  const [found] = await exported(receiver, '{host="h1"}')
  expect(found).toMatchObject({ values: [15, 25], timestamps: [from + 1000, from + 3000] })
})

it('InfluxDB takes line protocol with names and tags as they were', async () => {
  await using receiver = await openInflux()
  await using stage = await SubscriptionStage.open()
  const url = `http://127.0.0.1:${receiver.ports['http']}`
  const query = async (q: string): Promise<unknown> => {
    const headers = { authorization: `Basic ${Buffer.from('admin:admin-pass').toString('base64')}` }
    const response = await fetch(`${url}/query?db=metrics&epoch=ms`, {
      method: 'POST',
      headers,
      body: new URLSearchParams({ q }),
    })
    return response.json()
  }
  await query("CREATE USER admin WITH PASSWORD 'admin-pass' WITH ALL PRIVILEGES")
  await query('CREATE DATABASE metrics')
  await stage.put('influx', {
    match: ['disk.*', 'odd*'],
    to: { influx: url, database: 'metrics', user: 'admin', token: 'admin-pass' },
  })
  const from = startMs()
  stage.hear(awkward, 1, from)
  stage.hear(awkward, 2.5, from + 1000)
  stage.hear('odd,na=me;time=now', 1e-7, from)
  await all(stage, 'influx', 3)
  expect(await query('SELECT * FROM "disk.read"')).toEqual({
    results: [
      {
        statement_id: 0,
        series: [
          {
            name: 'disk.read',
            columns: ['time', 'cloud', 'device', 'host', 'mount', 'value', 'we.ird'],
            values: [
              [from, 'home', 'sd,a=1', 'h1', '/var/l"ib_', 1, 'é'],
              [from + 1000, 'home', 'sd,a=1', 'h1', '/var/l"ib_', 2.5, 'é'],
            ],
          },
        ],
      },
    ],
  })
  expect(await query('SELECT value, tag_time FROM "odd,na=me"')).toMatchObject({
    results: [{ series: [{ values: [[from, 1e-7, 'now']] }] }],
  })
})

it('carbon-cache writes plain lines into whisper files, every one that was measured while it was away too', async () => {
  await using receiver = await openCarbonCache()
  await using stage = await SubscriptionStage.open()
  await stage.put('carbon', { match: 'cpu.*', to: { carbon: `127.0.0.1:${receiver.ports['lines']}` } })
  const from = startMs()
  const file = join(receiver.folder, 'whisper/lanista/home/h1/cpu/core/core/1_0.wsp')
  const points = (): Promise<Record<number, number>> => whisperPoints(file, from).catch(() => ({}))
  stage.hear('cpu.core;core=1.0', 0, from)
  await until(async () => Object.keys(await points()).length === 1, 'first point', deadlineMs)
  await receiver.kill()
  for (let i = 1; i < 10; i++) stage.hear('cpu.core;core=1.0', i, from + i * 1000)
  await until(() => stage.service.get('main', 'carbon').counters.failures > 0, 'failure', deadlineMs)
  await receiver.restart()
  await until(async () => Object.keys(await points()).length === 10, 'ten points', deadlineMs)
  expect(await points()).toEqual(Object.fromEntries(Array.from({ length: 10 }, (_, i) => [from / 1000 + i, i])))
})
