import { statSync } from 'node:fs'
import { expect, test } from 'vitest'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { parseHostId } from '#protocol/subjects/subject.ts'
import { requireSubscription } from './parse.ts'
import { SubscriptionStage } from './subscription-stage.ts'

const bus = { match: 'cpu.*', to: 'bus' }
const hook = { match: 'cpu.*', to: { webhook: 'http://127.0.0.1:9/hook', secret: 'first-secret' } }

/** Lets couriers gather and deliver. */
async function settle(clock: FakeClock): Promise<void> {
  await clock.advance(0)
  await clock.advance(500)
}

test('a subscriber on the bus hears what fits, with where it comes from, and of no other tenant', async () => {
  const clock = new FakeClock()
  await using stage = await SubscriptionStage.open(clock)
  await stage.put('mine', { ...bus, cloud: 'home', host: 'h*', above: 10 })
  stage.hear('cpu.usage', 11, 1)
  stage.hear('cpu.usage', 9, 2)
  stage.hear('cpu.usage;host=fake', 12, 3)
  stage.hear('cpu.usage', 13, 4, 'main.home.web-1')
  stage.hear('cpu.usage', 14, 5, 'main.other.h1')
  stage.hear('cpu.usage', 15, 6, 'foreign.home.h1')
  stage.hear('disk.read', 16, 7)
  await settle(clock)
  const subject = 'lanista.main._home._controller.metric.subscription.mine.cpu.usage'
  expect(stage.said).toEqual([
    [subject, { t: 1, v: 11, tags: { cloud: 'home', host: 'h1' } }],
    [subject, { t: 3, v: 12, tags: { cloud: 'home', host: 'h1', tag_host: 'fake' } }],
  ])
})

test('a bus that is down is waited for', async () => {
  const clock = new FakeClock()
  await using stage = await SubscriptionStage.open(clock)
  await stage.put('mine', bus)
  stage.isBusUp = false
  stage.hear('cpu.usage', 1, 1)
  await settle(clock)
  expect(stage.service.get('main', 'mine')).toMatchObject({ health: { state: 'failing' }, counters: { failures: 1 } })
  stage.isBusUp = true
  await clock.advance(30_000)
  expect(stage.said).toHaveLength(1)
})

test('results of the controller are heard once: when offered, not when an agent of home sends what it recorded', async () => {
  const clock = new FakeClock()
  await using stage = await SubscriptionStage.open(clock)
  await stage.put('mine', { match: 'monitor.shop.*', scope: 'cross-cloud', onChange: true, to: 'bus' })
  const series = { name: 'monitor.shop.load', tags: { scope: 'cross-cloud' } }
  for (const [i, value] of [1, 1, null, 1].entries()) {
    stage.service.offer({ tenant: 'main', series, timestampMs: i, value })
    if (value !== null) stage.hear('monitor.shop.load;scope=cross-cloud', value, i)
  }
  stage.hear('monitor.shop.load;scope=cloud', 5, 9)
  await settle(clock)
  expect(stage.said.map(([, body]) => body)).toEqual([
    { t: 0, v: 1, tags: { scope: 'cross-cloud' } },
    { t: 2, v: null, tags: { scope: 'cross-cloud' } },
    { t: 3, v: 1, tags: { scope: 'cross-cloud' } },
  ])
})

test('a cloud’s result is one series, whichever agent records it, and is not told twice', async () => {
  const clock = new FakeClock()
  await using stage = await SubscriptionStage.open(clock)
  await stage.put('mine', { match: 'monitor.shop.*', to: 'bus' })
  stage.hear('monitor.shop.load;scope=cloud', 5, 1, 'main.c.h1')
  stage.hear('monitor.shop.load;scope=cloud', 5, 1, 'main.c.h2')
  stage.hear('monitor.shop.load;scope=cloud', 6, 2, 'main.c.h2')
  await settle(clock)
  expect(stage.said.map(([, body]) => body)).toEqual([
    { t: 1, v: 5, tags: { cloud: 'c', scope: 'cloud' } },
    { t: 2, v: 6, tags: { cloud: 'c', scope: 'cloud' } },
  ])
})

test('a change restarts what it changes, and nothing else', async () => {
  const clock = new FakeClock()
  await using stage = await SubscriptionStage.open(clock)
  expect(await stage.put('one', bus)).toBe('created')
  expect(await stage.put('two', bus)).toBe('created')
  stage.hear('cpu.usage', 1, 1)
  await settle(clock)
  expect(await stage.put('one', bus)).toBe('unchanged')
  expect(await stage.put('two', { ...bus, match: 'disk.*' })).toBe('changed')
  stage.hear('cpu.usage', 2, 2)
  await settle(clock)
  const passed = (id: string): number => stage.service.get('main', id).counters.passed
  expect([passed('one'), passed('two')]).toEqual([2, 0])
  await stage.service.remove('main', 'one')
  stage.hear('cpu.usage', 3, 3)
  await settle(clock)
  expect(stage.said).toHaveLength(3)
  await expect(stage.service.remove('main', 'one')).rejects.toMatchObject({
    code: 'SUBSCRIPTION_UNKNOWN',
    message: 'name another subscription: found "one", expected one of two',
  })
})

test('what waits in the old courier is delivered before what the new one takes', async () => {
  const clock = new FakeClock()
  await using stage = await SubscriptionStage.open(clock)
  await stage.put('mine', bus)
  stage.hear('cpu.usage', 1, 1)
  await stage.put('mine', { ...bus, above: 0 })
  stage.hear('cpu.usage', 2, 2)
  await settle(clock)
  expect(stage.said.map(([, body]) => body)).toMatchObject([{ v: 1 }, { v: 2 }])
})

test('an application brings its subscriptions, and takes them with it', async () => {
  await using stage = await SubscriptionStage.open(new FakeClock())
  const application = 'shop'
  const of = (name: string, form: object = bus): ReturnType<typeof requireSubscription> =>
    requireSubscription(name, form, { application })
  const ids = (): string[] => stage.service.list('main').map(({ id }) => id)
  let changes = 0
  stage.service.onChange(() => changes++)
  await stage.put('mine', bus)
  await stage.service.setApplication('main', application, [of('a'), of('b')])
  expect(ids()).toEqual(['mine', 'shop.a', 'shop.b'])
  await stage.service.setApplication('main', application, [of('b'), of('c')])
  expect([ids(), changes]).toEqual([['mine', 'shop.b', 'shop.c'], 3])
  await stage.service.setApplication('main', application, [of('b'), of('c')])
  expect(changes).toBe(3)
  await stage.service.setApplication('main', application, [])
  expect(ids()).toEqual(['mine'])
})

test('subscriptions and secrets outlive the process; secrets lie in a file of their own and are never shown', async () => {
  await using stage = await SubscriptionStage.open(new FakeClock())
  await stage.put('hook', { ...hook, externalReferences: { model: '42' } })
  await stage.restart()
  const [view] = stage.service.list('main')
  expect(view).toMatchObject({
    id: 'hook',
    hasSecret: true,
    form: { match: 'cpu.*', to: { webhook: 'http://127.0.0.1:9/hook' }, externalReferences: { model: '42' } },
  })
  expect(JSON.stringify([view, ...stage.rows])).not.toContain('first-secret')
  expect(statSync(stage.secretsPath).mode & 0o777).toBe(0o600)
  expect(await stage.put('hook', { ...hook, externalReferences: { model: '42' } })).toBe('unchanged')
})

test('a secret stays where no other is brought, but is never sent elsewhere', async () => {
  await using stage = await SubscriptionStage.open(new FakeClock())
  const has = (): boolean | undefined => stage.service.list('main')[0]?.hasSecret
  await stage.put('hook', hook)
  await stage.put('hook', { ...hook, above: 3, to: { webhook: 'http://127.0.0.1:9/other-path' } })
  expect(has()).toBe(true)
  await stage.put('hook', { ...hook, to: { webhook: 'http://elsewhere.example/hook' } })
  expect(has()).toBe(false)
  await stage.service.setSecret('main', 'hook', 'second-secret')
  expect(has()).toBe(true)
  await stage.service.setSecret('main', 'hook', undefined)
  expect(has()).toBe(false)
})

test('hosts are asked for the series that somebody wants of them', async () => {
  await using stage = await SubscriptionStage.open(new FakeClock())
  await stage.put('a', { match: ['cpu.*', 'disk.*'], cloud: 'ec2-*', to: 'bus' })
  await stage.put('b', { match: 'cpu.*', host: 'main.*.web-*', to: 'bus' })
  await stage.put('c', { match: 'monitor.shop.x', scope: 'cross-cloud', to: 'bus' })
  await stage.put('d', { match: 'monitor.shop.y', scope: 'cloud', cloud: 'home', to: 'bus' })
  const selectors = (id: string): string[] => stage.service.uplinkSelectors(parseHostId(id))
  expect(selectors('main.ec2-eu.h1')).toEqual(['cpu.*', 'disk.*'])
  expect(selectors('main.home.web-1')).toEqual(['cpu.*', 'monitor.shop.y'])
  expect(selectors('main.home.h1')).toEqual(['monitor.shop.y'])
  expect(selectors('foreign.ec2-eu.h1')).toEqual([])
})

test('there is room for 256, and the next one changes nothing', async () => {
  await using stage = await SubscriptionStage.open(new FakeClock())
  for (let i = 0; i < 256; i++) await stage.put(`s${i}`, bus)
  await expect(stage.put('more', bus)).rejects.toMatchObject({ code: 'SUBSCRIPTIONS_LIMIT' })
  expect(stage.service.list('main')).toHaveLength(256)
  expect(await stage.put('s1', { ...bus, above: 1 })).toBe('changed')
})

test('one sink that is dead or slow holds up no other', async () => {
  const clock = new FakeClock()
  await using stage = await SubscriptionStage.open(clock)
  await stage.put('dead', { match: 'cpu.*', to: { carbon: '127.0.0.1:1' } })
  await stage.put('live', bus)
  for (let i = 0; i < 60_000; i++) stage.hear('cpu.usage', i, i)
  await settle(clock)
  for (let i = 0; i < 100; i++) await clock.advance(500)
  expect(stage.service.get('main', 'live').counters).toMatchObject({ delivered: 50_000, dropped: 10_000 })
  expect(stage.service.get('main', 'dead')).toMatchObject({ counters: { delivered: 0 }, health: { state: 'failing' } })
})

test('a trial says whether the sink takes one reading', async () => {
  await using stage = await SubscriptionStage.open()
  await stage.put('mine', bus)
  await stage.put('dead', { match: 'cpu.*', to: { carbon: '127.0.0.1:1' } })
  const signal = AbortSignal.timeout(5000)
  expect(await stage.service.try('main', 'mine', signal)).toMatchObject({ isDelivered: true, reason: null })
  expect(stage.said[0]?.[0]).toMatch(/metric\.subscription\.mine\.lanista\.subscription\.test$/)
  expect(await stage.service.try('main', 'dead', signal)).toMatchObject({
    isDelivered: false,
    reason: expect.stringContaining('ECONNREFUSED'),
  })
})
