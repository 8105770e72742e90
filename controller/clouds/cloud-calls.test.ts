import { describe, expect, it } from 'vitest'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { CloudCalls } from './cloud-calls.ts'
import { cloudError } from './cloud-error.ts'
import { TokenBucket } from './token-bucket.ts'

const signal = new AbortController().signal

describe('the pace of requests', () => {
  it('lets a burst through, then so many a second', () => {
    const bucket = new TokenBucket({ ratePerSecond: 2, burst: 3 }, 0)
    expect([0, 0, 0, 0, 0].map(() => bucket.take(0))).toEqual([0, 0, 0, 500, 1000])
    expect(bucket.take(10_000)).toBe(0)
  })

  it('halves at each complaint down to a floor, and comes back with answers', () => {
    const bucket = new TokenBucket({ ratePerSecond: 16, burst: 4 }, 0)
    bucket.slow(0)
    expect(bucket.ratePerSecond).toBe(8)
    expect(bucket.take(0)).toBe(125)
    for (let i = 0; i < 10; i++) bucket.slow(0)
    expect(bucket.ratePerSecond).toBe(1)
    for (let i = 0; i < 100; i++) bucket.regain(0)
    expect(bucket.ratePerSecond).toBe(16)
  })
})

describe('a request to a cloud', () => {
  function callsOf(clock: FakeClock): CloudCalls {
    return new CloudCalls({ requestMs: 1000, backoffBaseMs: 100 }, { clock, random: () => 0.5 })
  }

  it('is repeated after what passes, and not after what does not', async () => {
    const clock = new FakeClock()
    const calls = callsOf(clock)
    const outcomes = ['CLOUD_TRANSIENT', 'CLOUD_THROTTLED', 'CLOUD_CAPACITY'] as const
    let tries = 0
    const asked = calls.begin({ signal, withinMs: 60_000 })('make', async () => {
      throw cloudError(outcomes[tries++] ?? 'CLOUD_INVALID', 'no')
    })
    const refused = expect(asked).rejects.toMatchObject({ code: 'CLOUD_CAPACITY' })
    await clock.advance(0)
    await clock.advance(60_000)
    await refused
    expect(tries).toBe(3)
    expect(calls.counts).toEqual({ requests: 3, retries: 2, throttled: 1, lost: 1 })
  })

  it('counts as lost when it is not answered, and its signal says so', async () => {
    const clock = new FakeClock()
    const calls = callsOf(clock)
    const reasons: unknown[] = []
    let tries = 0
    const asked = calls.begin({ signal, withinMs: 60_000 })('make', (own) => {
      if (tries++ > 0) return Promise.resolve('made')
      return new Promise((_resolve, reject) => {
        own.addEventListener('abort', () => {
          reasons.push(own.reason)
          reject(new Error('AbortError of some library'))
        })
      })
    })
    await clock.advance(0)
    await clock.advance(5000)
    expect(await asked).toBe('made')
    expect(reasons).toMatchObject([{ code: 'CLOUD_TRANSIENT' }])
  })

  it('does not begin a wait that would outlast its deadline', async () => {
    const clock = new FakeClock()
    const calls = callsOf(clock)
    const asked = calls.begin({ signal, withinMs: 120 })('make', async () => {
      throw cloudError('CLOUD_TRANSIENT', 'lost')
    })
    const refused = expect(asked).rejects.toMatchObject({
      code: 'CLOUD_DEADLINE',
      data: { operation: 'make', last: 'CLOUD_TRANSIENT' },
    })
    await clock.advance(0)
    await clock.advance(60)
    await refused
  })

  it('is given up in time by work that heeds nothing', async () => {
    const clock = new FakeClock()
    const asked = callsOf(clock).begin({ signal, withinMs: 500 })('make', () => new Promise(() => undefined))
    const refused = expect(asked).rejects.toMatchObject({ code: 'CLOUD_DEADLINE', data: { last: 'CLOUD_TRANSIENT' } })
    await clock.advance(0)
    await clock.advance(500)
    await refused
  })

  it('ends with the reason of the caller, and when the driver closes', async () => {
    const clock = new FakeClock()
    const calls = callsOf(clock)
    const stop = new AbortController()
    const hang = (own: AbortSignal): Promise<never> =>
      new Promise((_resolve, reject) => own.addEventListener('abort', () => reject(own.reason)))
    const stopped = calls.begin({ signal: stop.signal, withinMs: 60_000 })('make', hang)
    stop.abort(new Error('enough'))
    await expect(stopped).rejects.toThrow('enough')
    const closed = calls.begin({ signal, withinMs: 60_000 })('make', hang)
    calls.close()
    await expect(closed).rejects.toMatchObject({ code: 'CLOUD_TRANSIENT' })
  })
})
