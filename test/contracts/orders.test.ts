/** Both halves of orders together, over a bus in memory. */
import { describe, expect, it } from 'vitest'
import { MemoryJournalStore } from '#agent/orders/memory-journal-store.ts'
import type { OrderContext, OrderHandler } from '#agent/orders/order-handler.ts'
import { generateNkey } from '#broker/nkey.ts'
import type { OrderRow } from '#controller/orders/order-row.ts'
import { LanistaError } from '#protocol/errors.ts'
import { encodeOrder } from '#protocol/orders/envelope-encoder.ts'
import type { Order } from '#protocol/orders/order.ts'
import { buildSubject, hostIdOf } from '#protocol/subjects/subject.ts'
import { OrderStage, web } from './order-stage.ts'

const never = new AbortController().signal

/** A handler whose orders end when the test says so. */
class Work implements OrderHandler {
  readonly verbs = ['work']
  readonly started: { id: string; body: unknown; context: OrderContext; end: (value?: unknown) => void }[] = []

  handle(_verb: string, body: unknown, context: OrderContext): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const end = (value?: unknown): void => (value instanceof Error ? reject(value) : resolve(value))
      this.started.push({ id: context.id, body, context, end })
    })
  }
}

async function working(): Promise<{ stage: OrderStage; work: Work }> {
  const stage = await OrderStage.open()
  const work = new Work()
  await stage.startAgent([work])
  return { stage, work }
}

function stateOf(stage: OrderStage, { id }: { readonly id: string }): string | undefined {
  return stage.orders.get(id)?.state
}

async function issue(stage: OrderStage, ask: object = {}, lifetimeMs?: number): Promise<OrderRow> {
  return stage.orders.issue({ target: web, verb: 'work', ...ask }, lifetimeMs)
}

describe('an order', () => {
  it('waits for its host, is carried out once, and its result comes back', async () => {
    await using stage = await OrderStage.open()
    const order = await issue(stage, { body: { size: 3 } })
    expect(order.state).toBe('queued')
    const work = new Work()
    await stage.startAgent([work])
    await stage.clock.advance(300)
    expect(work.started).toMatchObject([{ id: order.id, body: { size: 3 } }])
    expect(stateOf(stage, order)).toBe('started')

    work.started[0]?.context.progress('half of it')
    await stage.clock.advance(1)
    expect(stage.orders.get(order.id)?.progress).toBe('half of it')
    work.started[0]?.end({ made: 3 })
    const settled = await stage.orders.settled(order.id, never)
    expect(settled).toMatchObject({ state: 'done', result: '{"made":3}' })
    await stage.clock.advance(600_000)
    expect(work.started).toHaveLength(1)
    expect(stage.store.rows).toMatchObject([{ state: 'done', isAcknowledged: true }])
  })

  it('that its handler cannot do has failed, with code and reason', async () => {
    const { stage, work } = await working()
    await using _stage = stage
    const order = await issue(stage)
    await stage.clock.advance(1)
    work.started[0]?.end(new LanistaError('DISK_FULL', 'make room: found none'))
    await stage.clock.advance(1)
    expect(stage.orders.get(order.id)).toMatchObject({
      state: 'failed',
      code: 'DISK_FULL',
      reason: 'make room: found none',
    })
  })

  it('not allowed by the host, or unknown there, is refused', async () => {
    await using stage = await OrderStage.open()
    await stage.startAgent([new Work()], ['ping', 'wo'])
    const orders = [await issue(stage), await issue(stage, { verb: 'dance' })]
    await stage.clock.advance(1)
    expect(orders.map(({ id }) => stage.orders.get(id)?.code)).toEqual(['VERB_NOT_ALLOWED', 'VERB_UNKNOWN'])
    expect(orders.map((order) => stateOf(stage, order))).toEqual(['refused', 'refused'])
  })

  it('for an agent without an order key is refused at once', async () => {
    await using stage = await OrderStage.open()
    Object.assign(stage.host, { isHere: true, journal: undefined })
    const order = await issue(stage)
    await stage.clock.advance(300)
    expect(stage.orders.get(order.id)).toMatchObject({ state: 'refused', code: 'ORDERS_NOT_TAKEN' })
  })

  it('whose host does not come expires; one that was sent is unknown until the host has said', async () => {
    const { stage } = await working()
    await using _stage = stage
    const agent = stage.agent
    stage.host.isHere = false
    await stage.clock.advance(300)
    const queued = await issue(stage, {}, 1000)
    await stage.clock.advance(2000)
    expect(stateOf(stage, queued)).toBe('expired')

    stage.host.isHere = true
    await agent?.close()
    await stage.clock.advance(300)
    const sent = await issue(stage, {}, 1000)
    await stage.clock.advance(2000)
    expect(stateOf(stage, sent)).toBe('sent')
    const work = new Work()
    await stage.startAgent([work])
    await stage.clock.advance(60_000)
    expect(stateOf(stage, sent)).toBe('expired')
    expect(work.started).toEqual([])
  })

  it('takes the place of older ones for its key: not started ones end, a started one is told', async () => {
    const { stage, work } = await working()
    await using _stage = stage
    const orders: OrderRow[] = []
    for (let i = 0; i < 3; i++) {
      orders.push(await issue(stage, { key: 'shop/web' }))
      await stage.clock.advance(1)
    }
    expect(orders.map((order) => stateOf(stage, order))).toEqual(['started', 'superseded', 'received'])
    expect(work.started[0]?.context.signal.reason).toMatchObject({ code: 'ORDER_OUTDATED' })
    work.started[0]?.end()
    await stage.clock.advance(1)
    work.started[1]?.end()
    await stage.clock.advance(1)
    expect(orders.map((order) => stateOf(stage, order))).toEqual(['done', 'superseded', 'done'])
  })

  it('can be taken back until it is started', async () => {
    const { stage, work } = await working()
    await using _stage = stage
    const [running, waiting] = [await issue(stage, { key: 'k' }), await issue(stage, { key: 'k' })]
    await stage.clock.advance(1)
    await stage.orders.cancel(waiting.id)
    await stage.clock.advance(1)
    expect(stateOf(stage, waiting)).toBe('superseded')
    work.started[0]?.end()
    await stage.clock.advance(1)
    expect(stateOf(stage, running)).toBe('done')

    stage.host.isHere = false
    await stage.clock.advance(300)
    const queued = await issue(stage)
    expect((await stage.orders.cancel(queued.id)).code).toBe('CANCELLED')
  })

  it('that was under way when the agent was killed is interrupted, and never run again', async () => {
    const { stage } = await working()
    await using _stage = stage
    const order = await issue(stage)
    await stage.clock.advance(1)
    expect(stateOf(stage, order)).toBe('started')
    // killed: what stands on its disk is all that is left of it
    stage.store = new MemoryJournalStore(stage.store.facts, stage.store.rows)
    const work = new Work()
    await stage.startAgent([work])
    await stage.clock.advance(1000)
    expect(stage.orders.get(order.id)).toMatchObject({ state: 'interrupted', code: 'INTERRUPTED' })
    expect(work.started).toEqual([])
  })

  it('is lost when the journal it was sent to is gone, or the host for good', async () => {
    const { stage } = await working()
    await using _stage = stage
    const order = await issue(stage)
    await stage.clock.advance(1)
    Object.assign(stage.host, { session: 9, journal: 'journal-2' })
    await stage.clock.advance(300)
    expect(stage.orders.get(order.id)).toMatchObject({ state: 'lost', code: 'JOURNAL_CHANGED' })

    const next = await issue(stage)
    Object.assign(stage.host, { hasLeft: true, isHere: false })
    await stage.clock.advance(300)
    expect(stage.orders.get(next.id)).toMatchObject({ state: 'lost', code: 'HOST_GONE' })
  })

  it('survives the controller, whether it was sent or not', async () => {
    const { stage, work } = await working()
    await using _stage = stage
    const order = await issue(stage)
    await stage.clock.advance(1)
    await stage.orders.close()
    work.started[0]?.end()
    await stage.clock.advance(1)
    await stage.startController()
    await stage.clock.advance(5000)
    expect(stateOf(stage, order)).toBe('done')
    expect(stage.store.rows).toMatchObject([{ isAcknowledged: true }])
  })

  it('survives a controller that is killed between its row and its sending', async () => {
    const { stage, work } = await working()
    await using _stage = stage
    stage.broker.stop()
    const order = await issue(stage)
    expect(stateOf(stage, order)).toBe('sent')
    await stage.orders.close()
    stage.broker.start()
    await stage.startController()
    await stage.clock.advance(300)
    expect(work.started).toMatchObject([{ id: order.id }])
  })

  it('is put off while the disk of its host takes nothing', async () => {
    const { stage, work } = await working()
    await using _stage = stage
    stage.store.failure = new Error('no space left')
    const order = await issue(stage)
    await stage.clock.advance(500)
    expect(stage.orders.get(order.id)).toMatchObject({ state: 'sent', code: 'JOURNAL_UNWRITABLE' })
    stage.store.failure = undefined
    await stage.clock.advance(10_000)
    expect(work.started).toHaveLength(1)
  })
})

describe('a call', () => {
  it('waits for the end', async () => {
    const { stage, work } = await working()
    await using _stage = stage
    const called = stage.orders.call({ target: web, verb: 'work' }, 5000, never)
    await stage.clock.advance(1)
    work.started[0]?.end(7)
    expect(await called).toMatchObject({ state: 'done', result: '7' })
  })

  it('fails at once when nobody is there, known to be away or not', async () => {
    await using stage = await OrderStage.open()
    const refused = { code: 'HOST_UNAVAILABLE' }
    await expect(stage.orders.call({ target: web, verb: 'ping' }, 5000, never)).rejects.toMatchObject(refused)
    stage.host.isHere = true
    await expect(stage.orders.call({ target: web, verb: 'ping' }, 5000, never)).rejects.toMatchObject(refused)
  })

  it('ends with its time limit, and what was not started is not', async () => {
    const { stage, work } = await working()
    await using _stage = stage
    const ask = { target: web, verb: 'work', key: 'k' }
    const calls = [stage.orders.call(ask, 5000, never), stage.orders.call({ ...ask, key: 'k' }, 5000, never)]
    const codes = Promise.all(calls.map((call) => call.catch((error: LanistaError) => error.code)))
    await stage.clock.advance(10_000)
    expect(await codes).toEqual(['ORDER_UNANSWERED', 'ORDER_UNANSWERED'])
    work.started[0]?.end()
    await stage.clock.advance(1)
    expect(work.started).toHaveLength(1)
  })
})

describe('a message that is no order of ours', () => {
  const now = 1_700_000_000_000
  const order: Order = {
    id: 'ord-forged',
    target: hostIdOf(web),
    journal: 'journal-1',
    session: 1,
    verb: 'work',
    key: 'k',
    generation: 1,
    issuedMs: now,
    expiresMs: now + 60_000,
    keepUntilMs: now + 60_000,
    sentMs: now,
    body: '',
  }

  it.each<[string, Partial<Order>, boolean]>([
    ['ORDER_UNSIGNED', {}, false],
    ['ORDER_FOREIGN', { target: 'main.home.db' }, true],
    ['JOURNAL_OTHER', { journal: 'journal-0' }, true],
    ['ORDER_INVALID', { id: 'ord-other' }, true],
    ['EXPIRED', { issuedMs: now - 60_000, expiresMs: now - 1 }, true],
  ])('%s is counted, answered, and not carried out', async (code, change, isSigned) => {
    const { stage, work } = await working()
    await using _stage = stage
    const { sign } = isSigned ? stage.key : generateNkey()
    const bus = stage.connectController()
    await bus.up(AbortSignal.timeout(1000))
    const said: string[] = []
    bus.subscribe('lanista.*.*.*.reply._controller.>', ({ body }) => said.push(Buffer.from(body).toString()))
    await stage.clock.advance(1)
    bus.publish(buildSubject(web, 'order', 'work', 'ord-forged'), encodeOrder({ ...order, ...change }, sign))
    await stage.clock.advance(1)
    expect(said.join()).toContain(`"code":"${code}"`)
    expect(stage.agent?.counters.refused).toEqual({ [code]: 1 })
    expect(work.started).toEqual([])
  })

  it('has one effect when it is replayed: under way, after its end, and to the next agent', async () => {
    const { stage, work } = await working()
    await using _stage = stage
    const bus = stage.connectController()
    await bus.up(AbortSignal.timeout(1000))
    const { journal } = stage.store.facts
    const replay = async (): Promise<void> => {
      const message = encodeOrder({ ...order, journal }, stage.key.sign)
      bus.publish(buildSubject(web, 'order', 'work', order.id), message)
      await stage.clock.advance(300)
    }
    await replay()
    await replay()
    work.started[0]?.end()
    await stage.clock.advance(300)
    await replay()
    await stage.agent?.close()
    await stage.startAgent([work])
    await replay()
    expect(work.started).toHaveLength(1)
    expect(stage.store.rows).toMatchObject([{ state: 'done' }])
  })

  it('of a controller that was followed by another is passed over', async () => {
    const { stage, work } = await working()
    await using _stage = stage
    await stage.orders.close()
    await stage.startController()
    await issue(stage)
    await stage.clock.advance(1)
    const bus = stage.connectController()
    await bus.up(AbortSignal.timeout(1000))
    bus.publish(buildSubject(web, 'order', 'work', order.id), encodeOrder(order, stage.key.sign))
    await stage.clock.advance(1)
    expect(stage.agent?.counters.refused).toEqual({ SESSION_OLD: 1 })
    expect(work.started).toHaveLength(1)
  })
})
