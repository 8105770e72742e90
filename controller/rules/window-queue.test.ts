import { describe, expect, it } from 'vitest'
import { WindowQueue } from './window-queue.ts'

const never = (): boolean => false
const always = (): boolean => true

/** All that can be taken. */
function taken(queue: WindowQueue, monotonicMs: number, isComplete: (endMs: number) => boolean): number[] {
  const ends: number[] = []
  for (let end = queue.take(monotonicMs, isComplete); end !== undefined; end = queue.take(monotonicMs, isComplete)) {
    ends.push(end)
  }
  return ends
}

describe('windows to judge', () => {
  it('begin with the one that ends next', () => {
    const queue = new WindowQueue([10], 100)
    queue.open(109, 9, 5)
    expect(taken(queue, 9, always)).toEqual([])
    queue.open(110, 10, 5)
    expect(taken(queue, 10, always)).toEqual([110])
    queue.open(111, 11, 5)
    expect(taken(queue, 11, always)).toEqual([])
  })

  it('wait for their results, or a deadline that counts from their end', () => {
    const queue = new WindowQueue([10], 100)
    queue.open(112, 12, 5)
    expect(taken(queue, 14, never)).toEqual([])
    expect(queue.quietMs(114, 14)).toBe(1)
    expect(taken(queue, 15, never)).toEqual([110])
  })

  it('are taken in order, none before the one that still waits', () => {
    const queue = new WindowQueue([10], 100)
    for (const nowMs of [110, 120]) queue.open(nowMs, nowMs, 50)
    expect(taken(queue, 120, (endMs) => endMs === 120)).toEqual([])
    expect(taken(queue, 120, always)).toEqual([110, 120])
  })

  it('of several periods are one where they end together', () => {
    const queue = new WindowQueue([10, 30], 100)
    queue.open(120, 20, 5)
    expect(taken(queue, 20, always)).toEqual([120])
  })

  it('that were missed are not caught up with', () => {
    const queue = new WindowQueue([10], 100)
    queue.open(1_000_000, 10, 5)
    expect(taken(queue, 10, always)).toEqual([1_000_000])
    queue.open(120, 20, 5)
    expect(taken(queue, 20, always)).toEqual([120])
  })

  it('beyond eight are judged with what there is', () => {
    const queue = new WindowQueue([10], 0)
    for (let nowMs = 10; nowMs <= 100; nowMs += 10) queue.open(nowMs, 0, 1_000_000)
    expect(taken(queue, 0, never)).toEqual([10, 20])
  })
})
