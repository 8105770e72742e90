import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { backoffCeilingMs, backoffMs } from './backoff.ts'
import { BoundedQueue } from './bounded-queue.ts'
import { systemClock } from './clock.ts'
import { Closer } from './closer.ts'
import { FakeClock } from './fake-clock.ts'
import { OnceAMinute } from './once-a-minute.ts'

describe('backoff', () => {
  it('doubles its ceiling up to the cap, however many attempts', () => {
    expect([0, 1, 2, 5, 6, 1_000].map((n) => backoffCeilingMs(n))).toEqual([500, 1_000, 2_000, 16_000, 30_000, 30_000])
    expect(backoffCeilingMs(3, { baseMs: 10, capMs: 50 })).toBe(50)
  })

  it('draws from the whole of [0, ceiling)', () => {
    expect(backoffMs(1, { random: () => 0 })).toBe(0)
    expect(backoffMs(1, { random: () => 0.5 })).toBe(500)
    fc.assert(
      fc.property(fc.nat(50), (attempt) => {
        const waited = backoffMs(attempt)
        expect(waited).toBeGreaterThanOrEqual(0)
        expect(waited).toBeLessThan(backoffCeilingMs(attempt))
      }),
    )
  })
})

describe('BoundedQueue', () => {
  it('agrees with a plain array that drops at its bound', () => {
    const push = fc.integer({ min: 0, max: 99 })
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.constantFrom('dropOldest' as const, 'dropNewest' as const),
        fc.array(fc.option(push, { freq: 2 }), { maxLength: 200 }),
        (limit, whenFull, steps) => {
          const queue = new BoundedQueue<number>(limit, whenFull)
          const model: number[] = []
          let dropped = 0
          for (const item of steps) {
            if (item === null) {
              expect(queue.shift()).toBe(model.shift())
            } else {
              const isFull = model.length === limit
              expect(queue.push(item)).toBe(!isFull || whenFull === 'dropOldest')
              if (isFull) dropped++
              if (isFull && whenFull === 'dropOldest') model.shift()
              if (!isFull || whenFull === 'dropOldest') model.push(item)
            }
            expect([queue.size, queue.dropped]).toEqual([model.length, dropped])
          }
        },
      ),
    )
  })
})

describe('Closer', () => {
  it('closes in reverse order, once, and waits for each', async () => {
    const order: string[] = []
    const closer = new Closer()
    closer.defer('first', () => void order.push('first'))
    closer.use('second', {
      close: async () => {
        await Promise.resolve()
        order.push('second')
      },
    })
    await Promise.all([closer.close(), closer.close(), closer[Symbol.asyncDispose]()])
    expect(order).toEqual(['second', 'first'])
  })

  it('goes on after a failure and tells all of them at the end', async () => {
    const order: string[] = []
    const closer = new Closer()
    closer.defer('a', () => void order.push('a'))
    closer.defer('b', () => Promise.reject(new Error('stuck')))
    closer.defer('c', () => {
      throw new Error('gone')
    })
    await expect(closer.close()).rejects.toMatchObject({
      code: 'CLOSE_FAILED',
      message: 'close everything: c: gone; b: stuck',
    })
    expect(order).toEqual(['a'])
  })
})

describe('FakeClock', () => {
  it('fires timers in order of time, then of making, at their own time', async () => {
    const clock = new FakeClock(1_000)
    const fired: [string, number, number][] = []
    const note = (name: string) => () => void fired.push([name, clock.now(), clock.monotonic()])
    clock.after(20, note('late'))
    clock.after(10, note('a'))
    clock.after(10, note('b'))
    const cancel = clock.after(15, note('never'))
    cancel()
    await clock.advance(15)
    expect(fired).toEqual([
      ['a', 1_010, 10],
      ['b', 1_010, 10],
    ])
    await clock.advance(5)
    expect(fired.at(-1)).toEqual(['late', 1_020, 20])
  })

  it('runs timers that fall due on the way, made by promises too', async () => {
    const clock = new FakeClock()
    let beats = 0
    const stop = new AbortController()
    const loop = (async () => {
      for (;;) {
        await clock.sleep(10, stop.signal)
        beats++
      }
    })()
    await clock.advance(95)
    expect(beats).toBe(9)
    stop.abort(new Error('enough'))
    await expect(loop).rejects.toThrow('enough')
    await clock.advance(100)
    expect(beats).toBe(9)
  })

  it('steps the wall alone', () => {
    const clock = new FakeClock(1_000)
    clock.step(-500)
    expect([clock.now(), clock.monotonic()]).toEqual([500, 0])
  })
})

describe.each([
  ['the fake clock', () => new FakeClock()],
  ['the machine’s clock', () => systemClock],
])('a sleep on %s', (_, clockOf) => {
  it('rejects at once when its signal is aborted, before or during', async () => {
    const clock = clockOf()
    await expect(clock.sleep(60_000, AbortSignal.abort(new Error('no')))).rejects.toThrow()
    const during = new AbortController()
    const sleep = clock.sleep(60_000, during.signal)
    during.abort(new Error('no'))
    await expect(sleep).rejects.toThrow()
  })
})

describe('OnceAMinute', () => {
  it('passes the first of each key, counts the rest, and tells them with the next', async () => {
    const clock = new FakeClock()
    const once = new OnceAMinute(clock)
    const logged: [string, number][] = []
    const pass = (key: string): void => once.pass(key, (suppressed) => logged.push([key, suppressed]))
    for (let i = 0; i < 5; i++) pass('a')
    pass('b')
    await clock.advance(59_999)
    pass('a')
    await clock.advance(1)
    pass('a')
    pass('a')
    expect(logged).toEqual([
      ['a', 0],
      ['b', 0],
      ['a', 5],
    ])
  })

  it('lets keys beyond its bound share one', () => {
    const once = new OnceAMinute(new FakeClock())
    let logged = 0
    for (let i = 0; i < 1_000; i++) once.pass(`key ${i}`, () => logged++)
    expect(logged).toBe(257)
  })
})
