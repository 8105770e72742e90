/** A broker that holds the connection and says nothing more: noticed by pings, survived, and no bus hangs at close. */
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { CountedBus } from '#broker/bus.ts'
import { EmbeddedBroker } from '#broker/embedded.ts'
import { NatsServer } from '#broker/nats-server.ts'
import { generateNkey } from '#broker/nkey.ts'
import { openBus } from '#broker/open-bus.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { credentialOf, usersOf } from '../contracts/bus-cast.ts'
import { agentA } from '../contracts/bus-contract.ts'

const deps = { clock: systemClock, logger: silentLogger }
const keys = { a1: generateNkey(), b1: generateNkey(), controller: generateNkey() }
/** Pings every 10 s, the third unanswered one counts; MQTT 1.5 times 15 s. */
const noticedWithinMs = 35_000

/** Forwards bytes to a broker until `freeze`: then connections stay open and nothing moves. */
class FreezingProxy {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #frozen = false

  constructor(port: number) {
    this.#server = createServer((near) => {
      const far = connect(port, '127.0.0.1')
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(from)
        from.on('error', () => to.destroy()).on('close', () => to.destroy())
        from.on('data', (bytes) => !this.#frozen && to.write(bytes))
      }
    })
  }

  async open(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return (this.#server.address() as AddressInfo).port
  }

  freeze(): void {
    this.#frozen = true
  }

  thaw(): void {
    this.#frozen = false
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }
}

async function survivesFreeze(url: string, proxy: FreezingProxy): Promise<void> {
  const options = { role: agentA, credential: credentialOf(agentA, keys), name: 'a1', backoff: { capMs: 200 } }
  const bus = openBus({ url, ...options }, deps)
  const other = openBus(
    {
      url,
      ...options,
      role: { kind: 'operator', tenant: 'acme' },
      credential: credentialOf({ kind: 'operator', tenant: 'acme' }, keys),
    },
    deps,
  )
  await Promise.all([bus.up(AbortSignal.timeout(5_000)), other.up(AbortSignal.timeout(5_000))])
  proxy.freeze()
  const closing = other.close() // must not wait for a goodbye
  const closedInTime = await Promise.race([closing.then(() => true), systemClock.sleep(5_000).then(() => false)])
  expect(closedInTime).toBe(true)
  await downWithin(bus, noticedWithinMs)
  proxy.thaw()
  await bus.up(AbortSignal.timeout(15_000))
  await bus.close()
}

async function downWithin(bus: CountedBus, ms: number): Promise<void> {
  const down = (async () => {
    for await (const { state } of bus.states()) if (state === 'down') return true
    return false
  })()
  expect(await Promise.race([down, systemClock.sleep(ms).then(() => 'still up')])).toBe(true)
}

it('notices a frozen broker, on MQTT and on NATS', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'lanista-nats-'))
  const nats = await NatsServer.open({ directory, host: '127.0.0.1', port: 0, users: usersOf(keys) }, deps)
  const embedded = await EmbeddedBroker.open({ host: '127.0.0.1', port: 0 }, deps)
  for (const user of usersOf(keys)) await embedded.addUser(user)
  const proxies = [new FreezingProxy(embedded.port), new FreezingProxy(nats.port)] as const
  const [mqttPort, natsPort] = [await proxies[0].open(), await proxies[1].open()]
  try {
    await Promise.all([
      survivesFreeze(`mqtt://127.0.0.1:${mqttPort}`, proxies[0]),
      survivesFreeze(`nats://127.0.0.1:${natsPort}`, proxies[1]),
    ])
  } finally {
    for (const proxy of proxies) proxy.close()
    await embedded.close()
    await nats.close()
    await rm(directory, { recursive: true })
  }
})
