import { expect, test } from 'vitest'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { Courier } from './courier.ts'
import { deliveryDeadlineMs } from './delivery.ts'
import type { HealthChange } from './health.ts'
import { sourceOf } from './reading.ts'
import { refused, type Sink, unavailable } from './sink.ts'
import type { SubscriptionFilter } from './subscription.ts'
import type { Numbered } from './webhook-body.ts'

/** A sink that answers as it is told, and notes what it took and when it was asked. */
class ModelSink implements Sink {
  readonly taken: number[] = []
  readonly ids: string[] = []
  readonly askedAtMs: number[] = []
  readonly #clock: FakeClock
  /** One answer an attempt; none left = taken. */
  answers: (() => Promise<number>)[] = []

  constructor(clock: FakeClock) {
    this.#clock = clock
  }

  async deliver(batch: readonly Numbered[], signal: AbortSignal): Promise<number> {
    this.askedAtMs.push(this.#clock.monotonic())
    const answer = this.answers.shift()
    if (answer) {
      const aborted = new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
      })
      await Promise.race([answer(), aborted])
    }
    this.taken.push(...batch.map(({ value }) => value ?? Number.NaN))
    this.ids.push(...batch.map(({ id }) => id))
    return 0
  }
}

interface Scene {
  readonly clock: FakeClock
  readonly sink: ModelSink
  readonly courier: Courier
  readonly changes: HealthChange[]
  /** Lets the courier see them before time goes on. */
  say(...values: number[]): Promise<void>
}

function scene(queueMax = 10, filter: SubscriptionFilter = { onChange: false }): Scene {
  const clock = new FakeClock()
  const sink = new ModelSink(clock)
  const changes: HealthChange[] = []
  const options = { filter, idPrefix: '7.1', queueMax: () => queueMax }
  const courier = new Courier(options, { sink, clock, onHealth: (change) => changes.push(change) })
  const source = sourceOf({ tenant: 'main', cloud: 'home', host: 'h' }, { name: 'a', tags: {} }, undefined)
  let t = 0
  const say = (...values: number[]): Promise<void> => {
    for (const value of values) courier.take({ source, timestampMs: t++, value })
    return clock.advance(0)
  }
  return { clock, sink, courier, changes, say }
}

const fails = (reason: Error) => (): Promise<number> => Promise.reject(reason)

test('readings arrive in order, gathered for half a second, numbered', async () => {
  const { clock, sink, courier, say } = scene()
  await say(1, 2)
  await clock.advance(400)
  expect(sink.taken).toEqual([])
  await say(3)
  await clock.advance(100)
  expect([sink.taken, sink.ids]).toEqual([
    [1, 2, 3],
    ['7.1-1', '7.1-2', '7.1-3'],
  ])
  expect(courier.counters).toMatchObject({ passed: 3, delivered: 3, attempts: 1, failures: 0 })
  await courier.close()
})

test('a batch is sent again until it is taken, with what came meanwhile behind it', async () => {
  const { clock, sink, courier, changes, say } = scene()
  sink.answers = [1, 2, 3, 4].map(() => fails(unavailable('HTTP 503')))
  await say(1)
  await clock.advance(500)
  await say(2, 3)
  await clock.advance(60_000)
  expect([sink.taken, sink.ids.slice(0, 1)]).toEqual([[1, 2, 3], ['7.1-1']])
  expect(courier.counters).toMatchObject({ delivered: 3, attempts: 6, failures: 4 })
  expect(changes.map(({ kind }) => kind)).toEqual(['failing', 'recovered'])
  expect(courier.health).toMatchObject({ state: 'delivering', lastError: expect.stringContaining('HTTP 503') })
  await courier.close()
})

test('a receiver that says when is not asked before', async () => {
  const { clock, sink, courier, say } = scene()
  sink.answers = [fails(unavailable('HTTP 429', 90_000))]
  await say(1)
  await clock.advance(90_400)
  expect(sink.askedAtMs).toHaveLength(1)
  await clock.advance(100)
  expect([sink.askedAtMs, sink.taken]).toEqual([[500, 90_500], [1]])
  await courier.close()
})

test('what a receiver refuses is not sent again, is counted, and is an alarm; the next goes on', async () => {
  const { clock, sink, courier, changes, say } = scene()
  sink.answers = [fails(refused('HTTP 400'))]
  await say(1, 2)
  await clock.advance(500)
  expect(courier.health.state).toBe('failing')
  await say(3)
  await clock.advance(500)
  expect(sink.taken).toEqual([3])
  expect(courier.counters).toMatchObject({ refused: 2, delivered: 1 })
  expect(changes).toEqual([
    { kind: 'failing', reason: expect.stringContaining('HTTP 400') },
    { kind: 'recovered', reason: expect.stringContaining('HTTP 400') },
  ])
  await courier.close()
})

test('a receiver that never answers is given up at the deadline and asked again', async () => {
  const { clock, sink, courier, say } = scene()
  sink.answers = [() => new Promise<number>(() => {})]
  await say(1)
  await clock.advance(500 + deliveryDeadlineMs)
  expect([sink.taken, courier.counters.failures]).toEqual([[], 1])
  await clock.advance(1000)
  expect(sink.taken).toEqual([1])
  await courier.close()
})

test('a full queue drops its oldest, counts them, raises an alarm, and the gap shows in the ids', async () => {
  const { clock, sink, courier, changes, say } = scene(3)
  sink.answers = [() => new Promise<number>((resolve) => void clock.sleep(10_000).then(() => resolve(0)))]
  await say(1)
  await clock.advance(500)
  await say(2, 3, 4, 5, 6)
  expect([courier.queued, courier.counters.dropped]).toEqual([3, 2])
  expect(changes).toEqual([{ kind: 'failing', reason: 'a full queue' }])
  await clock.advance(20_000)
  expect(sink.taken).toEqual([1, 4, 5, 6])
  expect(sink.ids).toEqual(['7.1-1', '7.1-4', '7.1-5', '7.1-6'])
  await courier.close()
})

test('a close tries once more, and says what it abandons', async () => {
  const { sink, courier, say } = scene()
  await say(1)
  await courier.close()
  expect(sink.taken).toEqual([1])
  await say(2)
  expect(courier.counters.passed).toBe(1)

  const other = scene()
  other.sink.answers = [1, 2].map(() => fails(unavailable('down')))
  await other.say(1)
  await other.clock.advance(500)
  await other.say(2, 3)
  await other.courier.close()
  expect(other.courier.counters).toMatchObject({ delivered: 0, abandoned: 3 })
})

test('a close ends a delivery that hangs after two seconds', async () => {
  const { clock, sink, courier, say } = scene()
  sink.answers = [() => new Promise<number>(() => {})]
  await say(1)
  await clock.advance(500)
  const closed = courier.close()
  await clock.advance(2000)
  await closed
  expect(courier.counters).toMatchObject({ delivered: 0, abandoned: 1 })
})
