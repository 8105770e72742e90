/** What every form of the bus promises; one suite, run on memory, on the embedded broker and on a real nats-server. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { BusMessage, BusState, CountedBus } from '#broker/bus.ts'
import type { Role } from '#protocol/permissions.ts'
import { subjectTokensMax } from '#protocol/subjects/subject.ts'

/** One broker with the credentials of the contract's cast; closed by the suite. */
export interface BusHarness {
  /** A bus for one of `cast`; not yet up. The suite closes it. */
  connect(role: Role): CountedBus
  /** Kills the broker: nothing answers at its address. */
  stopBroker(): Promise<void>
  /** Starts it again at the same address. */
  startBroker(): Promise<void>
  close(): Promise<void>
}

export const agentA: Role = { kind: 'agent', address: { tenant: 'acme', cloud: 'c1', host: 'a1' } }
const agentB: Role = { kind: 'agent', address: { tenant: 'acme', cloud: 'c1', host: 'b1' } }
const controller: Role = { kind: 'controller' }
export const operator: Role = { kind: 'operator', tenant: 'acme' }

const own = 'lanista.acme.c1.a1'
const text = (value: string): Uint8Array => Buffer.from(value)
const soon = (): AbortSignal => AbortSignal.timeout(10_000)
const asking = (deadlineMs = 8_000): { signal: AbortSignal; deadlineMs: number } => ({ signal: soon(), deadlineMs })

/** Collects what a subscription hears; `next(n)` waits for n messages in all. */
function listen(bus: CountedBus, pattern: string): { heard: string[]; count(n: number): Promise<string[]> } {
  const heard: string[] = []
  const waiting: (() => void)[] = []
  bus.subscribe(pattern, (message) => {
    heard.push(`${message.subject} ${Buffer.from(message.body).toString()}`)
    for (const wake of waiting.splice(0)) wake()
  })
  const count = async (n: number): Promise<string[]> => {
    const signal = soon()
    while (heard.length < n) {
      await new Promise<void>((resolve, reject) => {
        waiting.push(resolve)
        signal.addEventListener('abort', () => reject(new Error(`heard ${heard.length} of ${n}: ${heard.join()}`)), {
          once: true,
        })
      })
    }
    return heard
  }
  return { heard, count }
}

/** Answers every request of a kind as an agent does: on the reply subject, under its own prefix. */
function answer(bus: CountedBus, pattern: string, replyTo: (subject: string) => string, body: string): void {
  bus.subscribe(pattern, (message: BusMessage) => bus.publish(replyTo(message.subject), text(body)))
}

const lastToken = (subject: string): string => subject.split('.').at(-1) ?? ''

async function until(bus: CountedBus, state: BusState): Promise<void> {
  for await (const change of bus.states()) if (change.state === state) return
}

export function busContract(name: string, open: () => Promise<BusHarness>): void {
  describe(`a bus on ${name}`, () => {
    let harness: BusHarness
    const buses: CountedBus[] = []
    const connect = async (role: Role): Promise<CountedBus> => {
      const bus = harness.connect(role)
      buses.push(bus)
      await bus.up(soon())
      return bus
    }
    const drop = async (): Promise<void> => {
      for (const bus of buses.splice(0)) await bus.close()
    }

    beforeAll(async () => {
      harness = await open()
    })
    afterAll(async () => {
      await drop()
      await harness.close()
    })

    it('carries a message from publisher to subscriber, bytes unchanged', async () => {
      const [a, b] = [await connect(agentA), await connect(controller)]
      const bytes = Uint8Array.from({ length: 256 }, (_, i) => i)
      const arrived = new Promise<BusMessage>((resolve) => b.subscribe('lanista.*.*.*.samples', resolve))
      await b.flush(soon())
      a.publish(`${own}.samples`, bytes)
      const message = await arrived
      expect(message.subject).toBe(`${own}.samples`)
      expect(Buffer.from(message.body).equals(bytes)).toBe(true)
      expect(a.counters.published).toBeGreaterThan(0)
      expect(b.counters.received).toBeGreaterThan(0)
      await drop()
    })

    it('carries the deepest subject there may be, and the publisher stays', async () => {
      const [a, o] = [await connect(agentA), await connect(operator)]
      const heard = listen(o, 'lanista.acme.*.*.metric.>')
      await o.flush(soon())
      const name = Array.from({ length: subjectTokensMax - 5 }, () => 'a').join('.')
      a.publish(`${own}.metric.${name}`, text('1'))
      a.publish(`${own}.metric.after`, text('2'))
      expect(await heard.count(2)).toEqual([`${own}.metric.${name} 1`, `${own}.metric.after 2`])
      await drop()
    })

    it('keeps the order of one publisher', async () => {
      const [a, o] = [await connect(agentA), await connect(operator)]
      const heard = listen(o, 'lanista.acme.*.*.metric.>')
      await o.flush(soon())
      for (let i = 0; i < 500; i++) a.publish(`${own}.metric.n`, text(String(i)))
      expect(await heard.count(500)).toEqual(Array.from({ length: 500 }, (_, i) => `${own}.metric.n ${i}`))
      await drop()
    })

    it('matches * with one token and > with one or more, and delivers once to each overlapping handler', async () => {
      const [a, o] = [await connect(agentA), await connect(operator)]
      const one = listen(o, 'lanista.acme.*.*.metric.cpu.*.>')
      const all = listen(o, 'lanista.acme.c1.a1.metric.>')
      const twice = listen(o, 'lanista.acme.c1.a1.metric.>')
      await o.flush(soon())
      for (const metric of ['cpu', 'cpu.usage', 'cpu.usage.user', 'cpu.usage.user.now']) {
        a.publish(`${own}.metric.${metric}`, text('1'))
      }
      await all.count(4)
      await a.flush(soon())
      await o.flush(soon())
      expect(one.heard).toEqual([`${own}.metric.cpu.usage.user 1`, `${own}.metric.cpu.usage.user.now 1`])
      expect(all.heard).toHaveLength(4)
      expect(twice.heard).toEqual(all.heard)
      await drop()
    })

    it('stops delivery when a subscription is closed, and leaves the others alone', async () => {
      const [a, o] = [await connect(agentA), await connect(operator)]
      const heard: string[] = []
      const first = o.subscribe('lanista.acme.*.*.event.>', () => heard.push('first'))
      const second = listen(o, 'lanista.acme.*.*.event.>')
      await o.flush(soon())
      a.publish(`${own}.event.x`, text('1'))
      await second.count(1)
      first.close()
      first.close()
      a.publish(`${own}.event.x`, text('2'))
      await second.count(2)
      expect(heard).toEqual(['first'])
      await drop()
    })

    it('hears again after a subscription was closed and made anew at once', async () => {
      const [a, o] = [await connect(agentA), await connect(operator)]
      for (let i = 0; i < 5; i++) o.subscribe('lanista.acme.*.*.event.>', () => {}).close()
      const heard = listen(o, 'lanista.acme.*.*.event.>')
      await o.flush(soon())
      await a.flush(soon())
      a.publish(`${own}.event.x`, text('1'))
      expect(await heard.count(1)).toEqual([`${own}.event.x 1`])
      await drop()
    })

    it('goes on when a handler throws, and counts it', async () => {
      const [a, o] = [await connect(agentA), await connect(operator)]
      o.subscribe('lanista.acme.*.*.event.>', () => {
        throw new Error('planted')
      })
      const other = listen(o, 'lanista.acme.*.*.event.>')
      await o.flush(soon())
      a.publish(`${own}.event.x`, text('1'))
      a.publish(`${own}.event.x`, text('2'))
      expect(await other.count(2)).toHaveLength(2)
      expect(o.counters.handlerErrors).toBe(2)
      await drop()
    })

    it('answers a request of the controller and of a peer', async () => {
      const [a, b, c] = [await connect(agentA), await connect(agentB), await connect(controller)]
      answer(a, `${own}.control.>`, (subject) => `${own}.reply._controller.${lastToken(subject)}`, 'to the controller')
      answer(a, `${own}.ring.>`, (subject) => `${own}.reply.b1.${lastToken(subject)}`, 'to the peer')
      await a.flush(soon())
      const [one, two] = await Promise.all([
        c.request(`${own}.control.birth.id1`, text('?'), asking()),
        b.request(`${own}.ring.b1.read.id1`, text('?'), asking()),
      ])
      expect(Buffer.from(one).toString()).toBe('to the controller')
      expect(Buffer.from(two).toString()).toBe('to the peer')
      await drop()
    })

    it('keeps a thousand requests apart', async () => {
      const [a, c] = [await connect(agentA), await connect(controller)]
      a.subscribe(`${own}.control.>`, (message) => {
        a.publish(`${own}.reply._controller.${lastToken(message.subject)}`, text(`for ${lastToken(message.subject)}`))
      })
      await a.flush(soon())
      const ids = Array.from({ length: 1000 }, (_, i) => `id${i}`)
      const answers = await Promise.all(ids.map((id) => c.request(`${own}.control.query.${id}`, text(id), asking())))
      expect(answers.map((body) => Buffer.from(body).toString())).toEqual(ids.map((id) => `for ${id}`))
      await drop()
    })

    it('says at once that no one is there', async () => {
      const [b, c] = [await connect(agentB), await connect(controller)]
      const far = { signal: AbortSignal.timeout(15_000), deadlineMs: 3_600_000 }
      await expect(c.request(`${own}.order.stop.id2`, text('?'), far)).rejects.toMatchObject({ code: 'NO_ONE_THERE' })
      await expect(b.request(`${own}.ring.b1.read.id2`, text('?'), far)).rejects.toMatchObject({ code: 'NO_ONE_THERE' })
      await drop()
    })

    it('gives a request up at its deadline, at its signal and at close, and refuses a second one with its id', async () => {
      const [a, c] = [await connect(agentA), await connect(controller)]
      a.subscribe(`${own}.control.>`, () => {})
      await a.flush(soon())
      const ask = (id: string, signal: AbortSignal, deadlineMs: number): Promise<Uint8Array> =>
        c.request(`${own}.control.query.${id}`, text('?'), { signal, deadlineMs })
      await expect(ask('late', soon(), 30)).rejects.toMatchObject({ code: 'TIMED_OUT' })
      const stop = new AbortController()
      const stopped = ask('stopped', stop.signal, 60_000)
      await expect(ask('stopped', soon(), 60_000)).rejects.toMatchObject({ code: 'DUPLICATE_ID' })
      stop.abort(new Error('enough'))
      await expect(stopped).rejects.toThrow('enough')
      const open = expect(ask('open', soon(), 60_000)).rejects.toMatchObject({ code: 'CLOSED' })
      await c.close()
      await open
      await expect(ask('after', soon(), 60_000)).rejects.toMatchObject({ code: 'CLOSED' })
      await drop()
    })

    it('carries a body of 1 MiB and refuses one byte more', async () => {
      const [a, c] = [await connect(agentA), await connect(controller)]
      const arrived = new Promise<BusMessage>((resolve) => c.subscribe('lanista.*.*.*.samples', resolve))
      await c.flush(soon())
      expect(() => a.publish(`${own}.samples`, new Uint8Array(1_048_577))).toThrow(
        expect.objectContaining({ code: 'TOO_LARGE' }),
      )
      a.publish(`${own}.samples`, new Uint8Array(1_048_576))
      expect((await arrived).body).toHaveLength(1_048_576)
      expect(a.counters.refused).toBe(1)
      await drop()
    })

    it('refuses what the table does not give, before sending', async () => {
      const [a, o] = [await connect(agentA), await connect(operator)]
      const publishing =
        (subject: string, retain = false) =>
        () =>
          a.publish(subject, text('x'), { retain })
      expect(publishing('lanista.acme.c1.b1.birth')).toThrow(expect.objectContaining({ code: 'DENIED' }))
      expect(publishing(`${own}.metric.x`, true)).toThrow(expect.objectContaining({ code: 'DENIED' }))
      expect(publishing(`${own}.event.*`)).toThrow(expect.objectContaining({ code: 'SUBJECT_INVALID' }))
      expect(() => a.subscribe('lanista.acme.c1.b1.order.>', () => {})).toThrow(
        expect.objectContaining({ code: 'DENIED' }),
      )
      expect(() => a.subscribe('a..b', () => {})).toThrow(expect.objectContaining({ code: 'PATTERN_INVALID' }))
      await expect(o.request(`${own}.order.stop.id3`, text('?'), asking())).rejects.toMatchObject({ code: 'DENIED' })
      expect(a.counters.refused).toBe(5)
      expect(a.counters.refusedByBroker).toBe(0)
      await drop()
    })

    it('drains: what was published arrives, then the bus is closed', async () => {
      const [a, o] = [await connect(agentA), await connect(operator)]
      const heard = listen(o, 'lanista.acme.*.*.event.>')
      await o.flush(soon())
      for (let i = 0; i < 100; i++) a.publish(`${own}.event.x`, text(String(i)))
      await a.drain(soon())
      expect(a.state).toBe('closed')
      await heard.count(100)
      await drop()
    })

    it('is closed for good: nothing more is sent or delivered, and closing again is harmless', async () => {
      const [a, o] = [await connect(agentA), await connect(operator)]
      const ended = until(a, 'closed')
      await Promise.all([a.close(), a.close()])
      await ended
      expect(() => a.publish(`${own}.event.x`, text('1'))).toThrow(expect.objectContaining({ code: 'NOT_UP' }))
      expect(() => a.subscribe(`${own}.order.>`, () => {})).toThrow(expect.objectContaining({ code: 'CLOSED' }))
      await expect(a.up(soon())).rejects.toMatchObject({ code: 'CLOSED' })
      await expect(a.flush(soon())).rejects.toMatchObject({ code: 'NOT_UP' })
      expect(o.state).toBe('up')
      await drop()
    })

    it('survives its broker: not up meanwhile, subscriptions and requests work afterwards', async () => {
      const [a, o, b] = [await connect(agentA), await connect(operator), await connect(agentB)]
      const heard = listen(o, 'lanista.acme.*.*.event.>')
      answer(a, `${own}.ring.>`, (subject) => `${own}.reply.b1.${lastToken(subject)}`, 'still here')
      await Promise.all([a.flush(soon()), o.flush(soon())])
      const down = Promise.all([until(a, 'down'), until(o, 'down'), until(b, 'down')])
      await harness.stopBroker()
      await down
      expect(() => a.publish(`${own}.event.x`, text('lost'))).toThrow(expect.objectContaining({ code: 'NOT_UP' }))
      const early = listen(o, 'lanista.acme.*.*.log.>')
      await harness.startBroker()
      await Promise.all([a.up(soon()), o.up(soon()), b.up(soon())])
      a.publish(`${own}.event.x`, text('kept'))
      a.publish(`${own}.log.x`, text('line'))
      expect(await heard.count(1)).toEqual([`${own}.event.x kept`])
      expect(await early.count(1)).toEqual([`${own}.log.x line`])
      expect(Buffer.from(await b.request(`${own}.ring.b1.read.id4`, text('?'), asking())).toString()).toBe('still here')
      expect(a.counters.notSent).toBe(1)
      expect(a.counters.connections).toBe(2)
      await drop()
    })
  })
}
