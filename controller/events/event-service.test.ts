import { afterEach, describe, expect, it } from 'vitest'
import type { Bus } from '#broker/bus.ts'
import { MemoryBroker } from '#broker/memory.ts'
import { MemoryRegistryStore } from '#controller/registry/memory-registry-store.ts'
import { encodeJson } from '#protocol/messages/json.ts'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { EventService } from './event-service.ts'
import { EventStore, eventStoreDefaults } from './event-store.ts'

const closes: (() => unknown)[] = []

afterEach(async () => {
  for (const close of closes.splice(0).reverse()) await close()
})

async function stage(): Promise<{ events: EventService; clock: FakeClock; web: Bus; operator: Bus }> {
  const clock = new FakeClock()
  const broker = new MemoryBroker({ clock, logger: silentLogger })
  const connect = (role: Parameters<MemoryBroker['connect']>[0]): Bus => {
    const bus = broker.connect(role)
    closes.push(() => bus.close())
    return bus
  }
  const bus = connect({ kind: 'controller' })
  const web = connect({ kind: 'agent', address: { tenant: 'main', cloud: 'home', host: 'web' } })
  const operator = connect({ kind: 'operator', tenant: 'main' })
  const deps = { clock, logger: silentLogger }
  const store = await EventStore.open(eventStoreDefaults, { ...deps, registry: new MemoryRegistryStore() })
  const events = EventService.start({ ...deps, bus, store })
  closes.push(() => events.close())
  await clock.advance(1)
  return { events, clock, web, operator }
}

const subject = 'lanista.main.home.web.event.instance.failed'

describe('events of agents', () => {
  it('are kept with who said them, once each', async () => {
    const { events, clock, web } = await stage()
    const body = encodeJson({ t: 5, id: 'x', application: 'shop', instance: 'web-1', code: 3 })
    web.publish(subject, body)
    web.publish(subject, body)
    await clock.advance(1)
    const [event] = events.store.query({}, 10)
    expect(event).toMatchObject({ kind: 'instance.failed', host: 'web', application: 'shop', saidMs: 5, seq: 0 })
    expect(event?.fields).toEqual({ instance: 'web-1', code: 3 })
    expect(events.store.counters).toMatchObject({ appended: 1, repeated: 1 })
  })

  it('are told apart by their bodies where they bring no id', async () => {
    const { events, clock, web } = await stage()
    for (const code of [1, 2, 2]) web.publish(subject, encodeJson({ t: 5, code }))
    await clock.advance(1)
    expect(events.store.size.events).toBe(2)
  })

  it.each([
    ['no JSON', Buffer.from('{')],
    ['no time', encodeJson({ id: 'x' })],
    ['more than 8 KiB', encodeJson({ t: 1, text: 'x'.repeat(9000) })],
  ])('are refused for %s, and counted', async (_, body) => {
    const { events, clock, web } = await stage()
    web.publish(subject, body)
    await clock.advance(1)
    expect([events.store.size.events, events.counters.malformed]).toEqual([0, 1])
  })

  it('have the controller’s time, whatever the host’s clock says', async () => {
    const { events, clock, web } = await stage()
    web.publish(subject, encodeJson({ t: clock.now() + 2 * 86_400_000 }))
    await clock.advance(1)
    const [event] = events.store.query({}, 10)
    expect(event?.atMs).toBeLessThanOrEqual(clock.now())
  })

  it('of one host are at most 600 a minute', async () => {
    const { events, clock, web } = await stage()
    for (let i = 0; i < 601; i++) web.publish(subject, encodeJson({ t: i }))
    await clock.advance(1)
    expect([events.store.size.events, events.counters.tooMany]).toEqual([600, 1])
    await clock.advance(60_000)
    web.publish(subject, encodeJson({ t: 9999 }))
    await clock.advance(1)
    expect(events.store.size.events).toBe(601)
  })
})

describe('events of the controller', () => {
  it('are kept and published, once each', async () => {
    const { events, clock, operator } = await stage()
    const heard: unknown[] = []
    operator.subscribe('lanista.main._home._controller.event.>', (message) => {
      heard.push([message.subject, JSON.parse(Buffer.from(message.body).toString())])
    })
    const own = {
      tenant: 'main',
      id: 'shop.grow.1',
      kind: 'rule.decided',
      application: 'shop',
      fields: { verdict: 'up' },
    }
    expect(events.say(own)?.host).toBe('_controller')
    expect(events.say(own)).toBeUndefined()
    await clock.advance(1)
    expect(heard).toEqual([
      [
        'lanista.main._home._controller.event.rule.decided',
        expect.objectContaining({ id: 'shop.grow.1', application: 'shop', verdict: 'up' }),
      ],
    ])
    expect(events.store.size.events).toBe(1)
  })
})
