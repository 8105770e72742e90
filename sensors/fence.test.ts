import { describe, expect, it } from 'vitest'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { Fence } from './fence.ts'
import type { OpenSensor, Outcome } from './sensor.ts'

const reading = [{ name: 'a', value: 1 }]

function fenced(read: OpenSensor['read']): { clock: FakeClock; fence: Fence } {
  const clock = new FakeClock()
  const fence = new Fence({ read, close: () => {} }, { deadlineMs: 1000, backoffMs: 5000 }, clock)
  return { clock, fence }
}

describe('a fence', () => {
  it('hands on readings and what is not available', async () => {
    const outcomes: Outcome[] = [reading, { unavailable: 'no such device' }]
    const { fence } = fenced(async () => outcomes.shift() ?? [])
    expect(await fence.run()).toEqual({ type: 'read', readings: reading })
    expect(await fence.run()).toEqual({ type: 'unavailable', reason: 'no such device' })
    expect(fence.health).toMatchObject({ failures: 0, overruns: 0, successAgeMs: 0 })
  })

  it('ends a read at its deadline, aborts it, and starts no other before it has settled', async () => {
    let settle: (outcome: Outcome) => void = () => {}
    const signals: AbortSignal[] = []
    const { clock, fence } = fenced((signal) => {
      signals.push(signal)
      return new Promise((resolve) => {
        settle = resolve
      })
    })
    const run = fence.run()
    await clock.advance(1000)
    expect(await run).toEqual({ type: 'overrun' })
    expect(signals[0]?.aborted).toBe(true)
    expect(await fence.run()).toEqual({ type: 'busy' })
    settle([])
    await fence.settled
    await clock.advance(5000)
    void fence.run()
    await clock.advance(0)
    expect(signals).toHaveLength(2)
    expect(fence.health.overruns).toBe(1)
  })

  it('asks a failing sensor less and less often, and as before once it answers', async () => {
    let isBroken = true
    const { clock, fence } = fenced(() => {
      if (isBroken) throw new Error('broken')
      return Promise.resolve(reading)
    })
    const results: string[] = []
    for (let second = 0; second < 60; second += 5) {
      results.push((await fence.run()).type)
      await clock.advance(5000)
    }
    expect(results.filter((type) => type === 'failed')).toHaveLength(4)
    isBroken = false
    await clock.advance(300_000)
    expect(await fence.run()).toMatchObject({ type: 'read' })
    expect(await fence.run()).toMatchObject({ type: 'read' })
    expect(fence.health.failures).toBe(4)
  })

  it('gives up a running read when it is closed', async () => {
    const { fence } = fenced(() => new Promise<Outcome>(() => {}))
    const run = fence.run()
    await fence.close()
    expect(await run).toMatchObject({ type: 'failed' })
  })
})
