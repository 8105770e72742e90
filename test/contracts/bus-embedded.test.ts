import { channel } from 'node:diagnostics_channel'
import { connect, type Socket } from 'node:net'
import type { MqttClient } from 'mqtt'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CountedBus } from '#broker/bus.ts'
import { EmbeddedBroker, type EmbeddedBrokerOptions } from '#broker/embedded.ts'
import { generateNkey } from '#broker/nkey.ts'
import { type OpenBusOptions, openBus } from '#broker/open-bus.ts'
import { everyTenant } from '#protocol/permissions.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { agentLogin, rawMqtt, suback } from './bus-raw-mqtt.ts'

const deps = { clock: systemClock, logger: silentLogger }
const soon = (): AbortSignal => AbortSignal.timeout(10_000)
const key = generateNkey()
const address = { tenant: 'acme', cloud: 'c1', host: 'a1' }
const hostId = 'acme.c1.a1'
const own = 'lanista.acme.c1.a1'
const operatorLogin = { username: 'olga', password: 'olga-secret-1' }
const will = { topic: 'lanista/acme/c1/a1/death', payload: Buffer.from('will'), qos: 0, retain: false } as const

/** Resolves with what a plain client has heard once it is `n` messages. */
function hears(client: MqttClient, n: number): Promise<string[]> {
  const heard: string[] = []
  return new Promise((resolve) => {
    client.on('message', (topic, body) => {
      heard.push(`${topic.split('/').at(-1)} ${body.toString()}`)
      if (heard.length === n) resolve(heard)
    })
  })
}

const closes = (client: MqttClient): Promise<void> => new Promise((resolve) => client.once('close', () => resolve()))

describe('the embedded broker', () => {
  let broker: EmbeddedBroker
  const buses: CountedBus[] = []
  const clients: MqttClient[] = []

  const open = async (options: Partial<EmbeddedBrokerOptions> = {}): Promise<void> => {
    broker = await EmbeddedBroker.open({ host: '127.0.0.1', port: 0, ...options }, deps)
    await broker.addUser({ kind: 'agent', address, publicKey: key.publicKey })
    await broker.addUser({ kind: 'operator', tenant: 'acme', user: 'olga', password: operatorLogin.password })
    await broker.addUser({ kind: 'operator', tenant: 'acme', user: 'otto', password: 'otto-secret-1' })
  }
  const agent = (more: Partial<OpenBusOptions> = {}): CountedBus => {
    const credential = { kind: 'nkey', seed: key.seed, session: () => 1 } as const
    const role = { kind: 'agent', address } as const
    const bus = openBus({ url: broker.url, role, credential, name: 'a1', backoff: { capMs: 100 }, ...more }, deps)
    buses.push(bus)
    return bus
  }
  const raw = async (options: Parameters<typeof rawMqtt>[1] = operatorLogin): Promise<MqttClient> => {
    const client = await rawMqtt(broker.url, options)
    clients.push(client)
    return client
  }

  beforeEach(() => open())
  afterEach(async () => {
    for (const bus of buses.splice(0)) await bus.close()
    for (const client of clients.splice(0)) client.end(true)
    await broker.close()
  })

  it('says which port is taken', async () => {
    const again = EmbeddedBroker.open({ host: '127.0.0.1', port: broker.port }, deps)
    await expect(again).rejects.toMatchObject({ code: 'PORT_IN_USE', data: { port: broker.port } })
  })

  it('lets an operator in under any client id that is no host’s and nobody else’s', async () => {
    await raw({ ...operatorLogin, clientId: 'mosq-1' })
    await raw({ ...operatorLogin, clientId: 'mosq-1' }) // takes its own over
    await raw({ ...operatorLogin, clientId: '' })
    const refused = [
      { ...operatorLogin, clientId: hostId },
      { username: 'otto', password: 'otto-secret-1', clientId: 'mosq-1' },
      { ...operatorLogin, password: 'olga-secret-2' },
      { username: 'nobody', password: 'olga-secret-1' },
      {},
    ]
    for (const login of refused) await expect(raw(login)).rejects.toThrow(/Not authorized/)
    expect(broker.counters.loginsRefused).toBe(refused.length)
  })

  it('lets the installation’s operator hear every tenant, and another only its own', async () => {
    await broker.addUser({ kind: 'operator', tenant: everyTenant, user: 'root', password: 'root-secret-1' })
    const root = await raw({ username: 'root', password: 'root-secret-1' })
    expect(await suback(root, ['lanista/+/+/+/metric/shop/orders', 'lanista/+/+/+/order/#'])).toEqual([0, 128])
    const olga = await raw()
    expect(await suback(olga, ['lanista/+/+/+/metric/shop/orders'])).toEqual([128])
  })

  it('keeps no session, and takes no will but an agent’s own death', async () => {
    await expect(raw({ ...operatorLogin, clientId: 'kept', clean: false })).rejects.toThrow()
    await expect(raw({ ...operatorLogin, will })).rejects.toThrow()
    const login = agentLogin(key, hostId)
    const others = [
      { ...will, topic: 'lanista/acme/c1/b1/death' },
      { ...will, qos: 1 as const },
      { ...will, retain: true },
      { ...will, payload: Buffer.alloc(1025) },
    ]
    for (const other of others) await expect(raw({ ...login, will: other })).rejects.toThrow()
    await raw({ ...login, will })
  })

  it('refuses a login that was used before, and an older session', async () => {
    const login = agentLogin(key, hostId, 5)
    const first = await raw(login)
    first.end(true)
    await expect(raw(login)).rejects.toThrow(/Not authorized/)
    await expect(raw(agentLogin(key, hostId, 4))).rejects.toThrow(/Not authorized/)
    await raw(agentLogin(key, hostId, 5))
    await raw(agentLogin(key, hostId, 6))
  })

  it('hands a host over to the newer session: death of the old, then birth of the new', async () => {
    const operator = await raw()
    await suback(operator, ['lanista/acme/+/+/birth', 'lanista/acme/+/+/death'])
    const heard = hears(operator, 4)
    const old = await raw({ ...agentLogin(key, hostId, 1), will: { ...will, payload: Buffer.from('1') } })
    old.publish('lanista/acme/c1/a1/birth', '1', { retain: true })
    const gone = closes(old)
    const fresh = await raw({ ...agentLogin(key, hostId, 2), will: { ...will, payload: Buffer.from('2') } })
    await gone
    fresh.publish('lanista/acme/c1/a1/birth', '2', { retain: true })
    await expect(raw(agentLogin(key, hostId, 1))).rejects.toThrow(/Not authorized/)
    fresh.stream.destroy()
    expect(await heard).toEqual(['birth 1', 'death 1', 'birth 2', 'death 2'])
  })

  it('publishes the will of a bus that is cut, none of one that says goodbye', async () => {
    const operator = await raw()
    await suback(operator, ['lanista/acme/+/+/death', 'lanista/acme/+/+/event/#'])
    const heard = hears(operator, 2)
    const options = { will: { subject: `${own}.death`, body: Buffer.from('cut') } }
    const polite = agent(options)
    await polite.up(soon())
    polite.publish(`${own}.event.x`, Buffer.from('bye'))
    await polite.drain(soon())
    const cut = agent(options)
    await cut.up(soon())
    await broker.removeUser(hostId)
    expect(await heard).toEqual(['x bye', 'death cut'])
  })

  it('hangs up on who is removed or gets another key, and does not let them return', async () => {
    const removed = agent()
    await removed.up(soon())
    await broker.removeUser(hostId)
    await expect(raw(agentLogin(key, hostId))).rejects.toThrow(/Not authorized/)
    await removed.close()
    await broker.addUser({ kind: 'agent', address, publicKey: key.publicKey })
    const client = await raw(agentLogin(key, hostId))
    await broker.addUser({ kind: 'agent', address, publicKey: key.publicKey })
    expect(client.connected).toBe(true)
    const gone = closes(client)
    await broker.addUser({ kind: 'agent', address, publicKey: generateNkey().publicKey })
    await gone
    await expect(raw(agentLogin(key, hostId))).rejects.toThrow(/Not authorized/)
  })

  it('keeps a birth for those who come later, in process too, until the death', async () => {
    const bus = agent()
    await bus.up(soon())
    bus.publish(`${own}.birth`, Buffer.from('born'), { retain: true })
    await bus.flush(soon())
    const early = await raw()
    const heard = hears(early, 1)
    await suback(early, ['lanista/acme/+/+/birth'])
    expect(await heard).toEqual(['birth born'])
    const controller = broker.localBus()
    const inProcess = await new Promise<string>((resolve) =>
      controller.subscribe('lanista.*.*.*.birth', ({ body }) => resolve(Buffer.from(body).toString())),
    )
    expect(inProcess).toBe('born')
    controller.publish('lanista.acme._home._controller.death.c1.a1', Buffer.from('silent'))
    const late = await raw()
    const nothing: string[] = []
    late.on('message', (topic) => nothing.push(topic))
    await suback(late, ['lanista/acme/+/+/birth', 'lanista/acme/+/+/event/#'])
    bus.publish(`${own}.event.x`, Buffer.from('after'))
    await new Promise((resolve) => late.once('message', resolve))
    expect(nothing).toEqual(['lanista/acme/c1/a1/event/x'])
  })

  it('cuts a packet of 256 MB at its header', async () => {
    const socket = connect(broker.port, '127.0.0.1')
    const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()))
    socket.on('error', () => {})
    socket.write(Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]))
    let sent = 0
    const chunk = Buffer.alloc(65_536)
    const pump = (): void => {
      while (!socket.destroyed && socket.write(chunk)) sent += chunk.length
    }
    socket.on('drain', pump)
    pump()
    await gone
    expect(sent).toBeLessThan(16 * 1024 * 1024)
    expect(broker.counters.cutTooLarge).toBe(1)
  })

  it('reads no more than 8 KiB from who has not said who it is', async () => {
    const socket = connect(broker.port, '127.0.0.1')
    const gone = new Promise((resolve) => socket.once('close', resolve))
    socket.on('error', () => {})
    socket.write(Buffer.from([0x10, 0xa8, 0x46, 0x00])) // a CONNECT of 9,000 bytes
    await gone
    expect(broker.counters.cutTooLarge).toBe(1)
  })

  it('caps the topic filters of one client', async () => {
    const client = await raw()
    const filters = Array.from({ length: 257 }, (_, i) => `lanista/acme/c1/a1/metric/m${i}`)
    const granted = await suback(client, filters)
    expect(granted.filter((code) => code === 0)).toHaveLength(256)
    expect(granted.at(-1)).toBe(128)
    expect(await suback(client, filters.slice(0, 1))).toEqual([0])
  })

  it('caps the connections of one address', async () => {
    await broker.close()
    await open({ connectionsPerAddressMax: 1 })
    await raw()
    await expect(raw()).rejects.toThrow()
    expect(broker.counters.cutOverCap).toBe(1)
  })

  it('lets no subscriber that does not read hold up the others, and cuts it', async () => {
    await broker.close()
    await open({ backlogBytesMax: 1024 * 1024 })
    const frozen = await raw()
    await suback(frozen, ['lanista/acme/+/+/event/#'])
    frozen.stream.unpipe()
    frozen.stream.pause()
    const reader = await raw()
    await suback(reader, ['lanista/acme/+/+/event/#'])
    const bus = agent()
    await bus.up(soon())
    const heard = hears(reader, 128)
    for (let i = 0; i < 128; i++) {
      bus.publish(`${own}.event.x`, new Uint8Array(262_144))
      if (i % 16 === 15) await bus.flush(soon())
    }
    expect(await heard).toHaveLength(128)
    expect(broker.counters.cutTooSlow).toBe(1)
    expect(bus.counters.connections).toBe(1)
  })

  it('turns Nagle off at both ends, else the second of two small messages waits 43 ms', async () => {
    const sockets: Socket[] = []
    const collect = (message: unknown): void => void sockets.push((message as { socket: Socket }).socket)
    const channels = [channel('net.client.socket'), channel('net.server.socket')]
    for (const one of channels) one.subscribe(collect)
    await agent().up(soon())
    for (const one of channels) one.unsubscribe(collect)
    const noDelay = sockets.map((socket) => {
      const symbol = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'kSetNoDelay')
      return symbol && Reflect.get(socket, symbol)
    })
    expect(noDelay).toEqual([true, true])
  })

  it('closes with connections that never said who they are', async () => {
    const socket = connect(broker.port, '127.0.0.1')
    await new Promise((resolve) => socket.once('connect', resolve))
    const gone = new Promise((resolve) => socket.once('close', resolve))
    socket.on('error', () => {})
    await broker.close()
    await gone
  })
})
