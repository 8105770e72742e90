import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CountedBus } from '#broker/bus.ts'
import { MemoryBroker } from '#broker/memory.ts'
import { encodeJson } from '#protocol/messages/json.ts'
import { type Birth, parseBirth, parseDeath, parseHeartbeat } from '#protocol/messages/presence.ts'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import type { Address } from '#protocol/subjects/subject.ts'
import { Herald } from './herald.ts'

const address: Address = { tenant: 'acme', cloud: 'c1', host: 'a1' }
const own = 'lanista.acme.c1.a1'
const home = 'lanista.acme._home._controller'
const told: Omit<Birth, 'session'> = { version: '1', pid: 7, labels: {}, inventory: {}, storeId: 's', startedAtMs: 1 }

let clock: FakeClock
let broker: MemoryBroker
let agentBus: CountedBus
let controllerBus: CountedBus
let herald: Herald
let session: number
let births: number[]
let beats: number[]
let deaths: string[]

beforeEach(async () => {
  clock = new FakeClock()
  broker = new MemoryBroker({ clock, logger: silentLogger })
  controllerBus = broker.connect({ kind: 'controller' })
  agentBus = broker.connect({ kind: 'agent', address })
  session = 100
  births = []
  beats = []
  deaths = []
  controllerBus.subscribe('lanista.*.*.*.birth', ({ body }) => births.push(parseBirth(body).session))
  controllerBus.subscribe('lanista.*.*.*.heartbeat', ({ body }) => beats.push(parseHeartbeat(body).session))
  controllerBus.subscribe('lanista.*.*.*.death', ({ body }) => deaths.push(parseDeath(body).reason))
  herald = new Herald(
    { address, heartbeatIntervalMs: 10_000 },
    {
      bus: agentBus,
      clock,
      logger: silentLogger,
      session: () => session,
      renewSession: (next) => {
        session = next
      },
      birth: () => told,
      heartbeat: () => ({ load: 0, lagSamples: 0, dropped: 0 }),
    },
  )
  await clock.advance(0)
})

afterEach(async () => {
  await herald.close('stopped')
  await Promise.all([agentBus.close(), controllerBus.close()])
})

describe('the herald of an agent', () => {
  it('is born when the bus comes up, and again after every break', async () => {
    expect(births).toEqual([100])
    broker.stop()
    broker.start()
    await clock.advance(0)
    expect(births).toEqual([100, 100])
  })

  it('beats at the interval the controller sets', async () => {
    expect(beats).toHaveLength(1)
    controllerBus.publish(`${home}.state`, encodeJson({ session: 1, nowMs: 0, heartbeatIntervalMs: 1000 }))
    await clock.advance(0)
    await clock.advance(10_000) // the beat already planned
    await clock.advance(5000)
    expect(beats).toHaveLength(7)
  })

  it('says its birth again when asked, but not in a storm', async () => {
    await clock.advance(2000)
    for (let i = 0; i < 50; i++) controllerBus.publish(`${own}.control.birth.${i}`, new Uint8Array())
    await clock.advance(0)
    expect(births).toEqual([100, 100])
  })

  it('takes a new session when it hears its own death, and passes over an older one', async () => {
    controllerBus.publish(`${home}.death.c1.a1`, encodeJson({ session: 99, reason: 'missed heartbeats' }))
    await clock.advance(0)
    expect(births).toEqual([100])
    controllerBus.publish(`${home}.death.c1.a1`, encodeJson({ session: 100, reason: 'missed heartbeats' }))
    await clock.advance(0)
    expect(session).toBeGreaterThan(100)
    expect(births).toEqual([100, session])
  })

  it('says goodbye once and is silent from then on', async () => {
    await herald.close('stopped')
    await herald.close('stopped')
    await clock.advance(60_000)
    expect(deaths).toEqual(['stopped'])
    expect(beats).toHaveLength(1)
  })

  it('goes on when the controller talks nonsense', async () => {
    controllerBus.publish(`${home}.state`, Buffer.from('{"heartbeatIntervalMs":-5}'))
    controllerBus.publish(`${home}.death.c1.a1`, Buffer.from('x'))
    await clock.advance(10_000)
    expect(beats).toHaveLength(2)
  })
})
