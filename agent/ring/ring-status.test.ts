import { describe, expect, test } from 'vitest'
import { LagWatch } from './ring-status.ts'

const second = 1000

/** A holder that has acknowledged everything up to a position, of an owner that has synced up to another. */
function node(syncedTo: number, ackedTo: number, isGreeted = true): Parameters<LagWatch['tick']>[0] {
  const firstMissing = ackedTo < syncedTo ? ackedTo + 1 : undefined
  return {
    shipper: {
      syncedTo,
      lags: [{ host: 'a', standsInFor: undefined, isGreeted, lagSamples: syncedTo - ackedTo, firstMissing }],
    },
  }
}

describe('how long a holder has been behind', () => {
  test('is as old as what it lacks, also while there is always something new', () => {
    const watch = new LagWatch()
    for (let s = 0; s < 300; s++) watch.tick(node(100 * s + 100, 100 * s), s * second)
    expect(watch.lagMs('a', 300 * second)).toBeLessThanOrEqual(3 * second)
  })

  test('grows while it stands still, and ends when it has what there was', () => {
    const watch = new LagWatch()
    watch.tick(node(100, 100), 0)
    for (let s = 1; s <= 100; s++) watch.tick(node(100 + s, 100), s * second)
    expect(watch.lagMs('a', 100 * second)).toBe(100 * second)
    watch.tick(node(201, 199), 101 * second)
    expect(watch.lagMs('a', 101 * second)).toBe(100 * second)
    watch.tick(node(202, 201), 102 * second)
    expect(watch.lagMs('a', 102 * second)).toBeLessThanOrEqual(second)
  })

  test('counts as long for one that has never had everything, or has not answered', () => {
    const watch = new LagWatch()
    watch.tick(node(100, 0), 0)
    expect(watch.lagMs('a', 0)).toBe(60 * second)
    watch.tick(node(100, 100, false), second)
    expect(watch.lagMs('a', second)).toBe(61 * second)
  })
})
