import { describe, expect, it } from 'vitest'
import type { Role } from '#protocol/permissions.ts'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { BusCore } from './bus-core.ts'
import type { Connection, Dial } from './connection.ts'
import { supervise } from './supervisor.ts'

const role: Role = { kind: 'agent', address: { tenant: 't', cloud: 'c', host: 'h' } }

/** A connection whose end and confirmations the test decides. */
function fakeConnection(flush: () => Promise<void> = () => Promise.resolve()) {
  let end: (reason: string) => void = () => {}
  const ended = new Promise<string>((resolve) => {
    end = resolve
  })
  const seen: string[] = []
  let closes = 0
  const connection: Connection = {
    subscribe: (patterns) => seen.push(...patterns),
    unsubscribe: () => {},
    send: () => {},
    flush,
    ended,
    close: async () => {
      closes++
      end('closed')
    },
  }
  return { connection, end, seen, closes: () => closes }
}

function setup(dial: Dial, addresses = ['one'], clock = new FakeClock()) {
  const random = (): number => 0.5
  const deps = { clock, logger: silentLogger }
  const bus = new BusCore({ role }, deps)
  supervise(bus, dial, { addresses, backoff: { random } }, deps)
  return { clock, bus }
}

describe('the supervisor', () => {
  it('dials again after a cut, on a fresh connection with every subscription', async () => {
    const made: ReturnType<typeof fakeConnection>[] = []
    const { clock, bus } = setup(async () => {
      const fake = fakeConnection()
      made.push(fake)
      return fake.connection
    })
    bus.subscribe('lanista.t.c.h.order.>', () => {})
    await clock.advance(0)
    expect(bus.state).toBe('up')
    made[0]?.end('cable pulled')
    await clock.advance(0)
    expect(bus.state).toBe('down')
    await clock.advance(250)
    expect(bus.state).toBe('up')
    expect(made[1]?.seen).toContain('lanista.t.c.h.order.>')
    expect(made[0]?.closes()).toBe(1)
    await bus.close()
  })

  it('takes the addresses in turn and waits longer after each failure, up to the cap, for ever', async () => {
    const dials: { address: string; at: number }[] = []
    const clock = new FakeClock()
    const { bus } = setup(
      async (address) => {
        dials.push({ address, at: clock.monotonic() })
        throw new Error('refused')
      },
      ['one', 'two'],
      clock,
    )
    await clock.advance(0)
    await clock.advance(3_600_000)
    expect(dials.slice(0, 4).map(({ address }) => address)).toEqual(['one', 'two', 'one', 'two'])
    const waits = dials.slice(1).map(({ at }, i) => at - (dials[i]?.at ?? 0))
    expect(waits.slice(0, 8)).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000])
    expect(dials.length).toBeGreaterThan(200)
    expect(bus.state).toBe('connecting')
    await bus.close()
  })

  it('keeps backing off while connections end at once, and starts afresh after one that lasted', async () => {
    const dials: number[] = []
    let last = fakeConnection()
    const clock = new FakeClock()
    const dial: Dial = async () => {
      dials.push(clock.monotonic())
      last = fakeConnection()
      return last.connection
    }
    const { bus } = setup(dial, ['one'], clock)
    await clock.advance(0)
    for (const wait of [250, 500, 1_000]) {
      last.end('thrown out')
      await clock.advance(0)
      await clock.advance(wait)
    }
    expect(dials).toEqual([0, 250, 750, 1_750])
    await clock.advance(10_000)
    last.end('cut')
    await clock.advance(0)
    await clock.advance(250)
    expect(dials).toEqual([0, 250, 750, 1_750, 12_000])
    await bus.close()
  })

  it('gives up a broker that takes the login and then says nothing', async () => {
    const silent = fakeConnection(() => new Promise(() => {}))
    const { clock, bus } = setup(async () => silent.connection)
    await clock.advance(0)
    await clock.advance(5_000)
    expect(silent.closes()).toBe(1)
    expect(bus.state).toBe('connecting')
    await bus.close()
  })

  it('ends with the bus, and hangs up a connection that comes too late', async () => {
    const late = fakeConnection()
    let answer: (connection: Connection) => void = () => {}
    const { bus } = setup(() => new Promise((resolve) => (answer = resolve)))
    await bus.close()
    answer(late.connection)
    await new Promise((resolve) => setImmediate(resolve))
    expect(late.closes()).toBe(1)
    expect(bus.state).toBe('closed')
  })
})
