/**
 * Orders a second, and how long one takes. Everything is synced to this machine's disk: the registry of the controller always, the journal of
 * the one agent too; the thousand agents keep theirs in memory.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LevelJournalStore } from '#agent/orders/level-journal-store.ts'
import { MemoryJournalStore } from '#agent/orders/memory-journal-store.ts'
import { OrderService as AgentOrders } from '#agent/orders/order-service.ts'
import { pingHandler } from '#agent/orders/ping-handler.ts'
import type { BusMessage, BusStateChange } from '#broker/bus.ts'
import { EmbeddedBroker } from '#broker/embedded.ts'
import { generateNkey } from '#broker/nkey.ts'
import { openBus } from '#broker/open-bus.ts'
import type { OrderHost } from '#controller/orders/order-hosts.ts'
import { OrderService, type OrderServiceDeps } from '#controller/orders/order-service.ts'
import { LevelRegistryStore } from '#controller/registry/level-registry-store.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { Closer } from '#protocol/runtime/closer.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { type Address, hostIdOf, prefixOf } from '#protocol/subjects/subject.ts'
import { printTable, quantile, type Row } from './report.ts'

const deps = { clock: systemClock, logger: silentLogger }
const key = generateNkey()
const signal = new AbortController().signal

type Link = OrderServiceDeps['bus']

/** Orders to one agent over the embedded broker, and to a thousand without one. */
export async function benchOrders(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'lanista-bench-orders-'))
  printTable('Orders, each to its end', [
    await oneAgent(join(folder, 'one')),
    await manyAgents(join(folder, 'many'), 1000),
  ])
  await rm(folder, { recursive: true })
}

/** Orders, so many at once, each to the end. Returns orders a second. */
async function rate(orders: OrderService, targets: readonly Address[], count: number, atOnce: number): Promise<number> {
  const startedAt = performance.now()
  let next = 0
  const lane = async (): Promise<void> => {
    for (let i = next++; i < count; i = next++) {
      const { id } = await orders.issue({ target: targets[i % targets.length] as Address, verb: 'ping' })
      await orders.settled(id, new AbortController().signal)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  return Math.round(count / ((performance.now() - startedAt) / 1000))
}

async function openController(
  folder: string,
  bus: Link,
  hosts: readonly OrderHost[],
  closer: Closer,
): Promise<OrderService> {
  const registry = closer.use('registry', await LevelRegistryStore.open(folder, 'registry'))
  const sign = (data: Uint8Array): string => key.sign(data)
  return closer.use(
    'orders',
    await OrderService.open({ session: 1 }, { ...deps, bus, registry, sign, hosts: () => hosts }),
  )
}

function hereWith(address: Address, journal: string): OrderHost {
  return { id: hostIdOf(address), isHere: true, hasLeft: false, session: 1, journal }
}

async function oneAgent(folder: string): Promise<Row> {
  const address = { tenant: 'main', cloud: 'home', host: 'web' }
  const closer = new Closer()
  const broker = closer.use('broker', await EmbeddedBroker.open({ host: '127.0.0.1', port: 0 }, deps))
  const agentKey = generateNkey()
  await broker.addUser({ kind: 'agent', address, publicKey: agentKey.publicKey })
  const credential = { kind: 'nkey' as const, seed: agentKey.seed, session: () => 1 }
  const bus = openBus({ url: broker.url, role: { kind: 'agent', address }, credential, name: 'bench' }, deps)
  closer.use('bus', bus)
  const store = await LevelJournalStore.open(join(folder, 'agent'), { nowMs: () => Date.now(), logger: silentLogger })
  const agent = closer.use(
    'agent',
    new AgentOrders({ address, key: key.publicKey, allow: ['*'] }, { ...deps, bus, store }),
  )
  agent.start([pingHandler()])
  await bus.up(signal)
  const controllerBus = closer.use('controller bus', broker.localBus())
  const orders = await openController(folder, controllerBus, [hereWith(address, agent.journal)], closer)
  await rate(orders, [address], 200, 20)
  const times: number[] = []
  for (let i = 0; i < 300; i++) {
    const startedAt = performance.now()
    await orders.call({ target: address, verb: 'ping' }, 5000, signal)
    times.push(performance.now() - startedAt)
  }
  const many = await rate(orders, [address], 3000, 200)
  await closer.close()
  const [p50, p99] = [quantile(times, 0.5), quantile(times, 0.99)].map((ms) => ms.toFixed(1))
  return { agents: 'one, embedded broker', 'orders/s': many, 'a call alone, p50 ms': p50 ?? '', 'p99 ms': p99 ?? '' }
}

/** Subjects to agents and back, without a broker. */
class Switch {
  readonly #agents = new Map<string, (message: BusMessage) => void>()
  #toController: (message: BusMessage) => void = () => {}

  get controller(): Link {
    const send = (subject: string, body: Uint8Array): void => {
      const prefix = subject.split('.', 4).join('.')
      queueMicrotask(() => this.#agents.get(prefix)?.({ subject, body }))
    }
    return {
      publish: send,
      request: () => Promise.reject(new Error('nobody calls here')),
      subscribe: (pattern, handler) => {
        this.#toController = handler
        return { pattern, close: () => {} }
      },
      states: noStates,
    }
  }

  agent(address: Address): Pick<Link, 'publish' | 'subscribe' | 'states'> {
    const handlers: { readonly kind: string; readonly handler: (message: BusMessage) => void }[] = []
    this.#agents.set(prefixOf(address), (message) => {
      for (const { kind, handler } of handlers) if (message.subject.includes(kind)) handler(message)
    })
    return {
      publish: (subject, body) => queueMicrotask(() => this.#toController({ subject, body })),
      subscribe: (pattern, handler) => {
        handlers.push({ kind: pattern.slice(prefixOf(address).length, -1), handler })
        return { pattern, close: () => {} }
      },
      states: noStates,
    }
  }
}

async function* noStates(): AsyncIterable<BusStateChange> {}

async function manyAgents(folder: string, count: number): Promise<Row> {
  const closer = new Closer()
  const wires = new Switch()
  const addresses = Array.from({ length: count }, (_, i) => ({ tenant: 'main', cloud: 'home', host: `h${i}` }))
  const hosts = addresses.map((address) => {
    const store = new MemoryJournalStore()
    const bus = wires.agent(address)
    const agent = closer.use(
      'agent',
      new AgentOrders({ address, key: key.publicKey, allow: ['*'] }, { ...deps, bus, store }),
    )
    agent.start([pingHandler()])
    return hereWith(address, agent.journal)
  })
  const orders = await openController(folder, wires.controller, hosts, closer)
  await rate(orders, addresses, 2000, count)
  const many = await rate(orders, addresses, 20_000, count)
  await closer.close()
  return { agents: `${count} in this process, signatures checked`, 'orders/s': many }
}
