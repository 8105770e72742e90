import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { aggregatorOf, assignedHolders, hostsOf, liveHolders, Ring, type RingMember } from './placement.ts'

const everybody = (): boolean => true

function members(count: number, zones = 1): RingMember[] {
  return Array.from({ length: count }, (_, i) => ({ host: `host-${i}`, zone: `z${i % zones}` }))
}

describe('placement', () => {
  test('gives an owner the next distinct members, never itself', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 0, max: 5 }),
        fc.integer({ min: 1, max: 4 }),
        (n, count, zones) => {
          const ring = new Ring(members(n, zones))
          for (const owner of ring.hosts) {
            const holders = assignedHolders(ring, owner, count)
            expect(new Set(holders).size).toBe(Math.min(count, n - 1))
            expect(holders).not.toContain(owner)
          }
        },
      ),
    )
  })

  test('puts copies into other zones first, each zone once before any twice', () => {
    const ring = new Ring(members(30, 3))
    for (const owner of ring.hosts) {
      const zones = assignedHolders(ring, owner, 2).map((host) => ring.zoneOf(host))
      expect(new Set([...zones, ring.zoneOf(owner)]).size).toBe(3)
    }
    const uneven = new Ring([...members(4), { host: 'far', zone: 'other' }])
    expect(assignedHolders(uneven, 'host-0', 2)[0]).toBe('far')
  })

  test('treats members without a zone as one zone more', () => {
    const ring = new Ring([
      { host: 'a', zone: '' },
      { host: 'b', zone: '' },
      { host: 'c', zone: 'z' },
    ])
    expect(assignedHolders(ring, 'a', 1)).toEqual(['c'])
    expect(assignedHolders(ring, 'a', 5)).toEqual(['c', 'b'])
  })

  test('finds the first of the successors without walking all around', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('', 'a', 'b', 'c'), { maxLength: 25 }),
        fc.nat(6),
        fc.constantFrom('', 'a', 'z'),
        (zones, count, zone) => {
          const ring = new Ring(zones.map((own, i) => ({ host: `h${i}`, zone: own })))
          for (const owner of ['h0', 'h7', 'stranger']) {
            expect(ring.firstSuccessors(owner, count, zone)).toEqual(ring.successors(owner, zone).slice(0, count))
          }
        },
      ),
    )
  })

  test('does not depend on the order in which members are known', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(members(12, 3), { minLength: 12 }), (shuffled) => {
        const ring = new Ring(shuffled)
        const plain = new Ring(members(12, 3))
        expect(ring.hosts).toEqual(plain.hosts)
        expect(ring.successors('host-3')).toEqual(plain.successors('host-3'))
      }),
    )
  })

  test('gives every member as many owners as it has holders, without virtual positions', () => {
    const ring = new Ring(members(100))
    const load = new Map<string, number>()
    for (const owner of ring.hosts) {
      for (const holder of assignedHolders(ring, owner, 2)) load.set(holder, (load.get(holder) ?? 0) + 1)
    }
    expect([...load.values()].every((count) => count === 2)).toBe(true)
  })

  test('changes only sets of holders that contained a member that leaves', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 40 }), fc.nat(), fc.integer({ min: 1, max: 4 }), (n, which, zones) => {
        const all = members(n, zones)
        const gone = (all[which % n] as RingMember).host
        const before = new Ring(all)
        const after = new Ring(all.filter(({ host }) => host !== gone))
        for (const owner of after.hosts) {
          const held = assignedHolders(before, owner, 2)
          const kept = held.filter((host) => host !== gone)
          expect(assignedHolders(after, owner, 2)).toEqual(expect.arrayContaining(kept))
        }
      }),
    )
  })

  test('moves one copy in a hundred when one of a hundred members leaves', () => {
    const before = new Ring(members(100))
    let moved = 0
    for (const gone of before.hosts) {
      const after = new Ring(members(100).filter(({ host }) => host !== gone))
      for (const owner of after.hosts) {
        const held = assignedHolders(before, owner, 2)
        moved += assignedHolders(after, owner, 2).filter((host) => !held.includes(host)).length
      }
    }
    expect(moved / (100 * 100 * 2)).toBeCloseTo(0.01, 3)
  })

  test('lets the next live member stand in for a silent one, and moves nothing else', () => {
    const ring = new Ring(members(6))
    const [first, second, third] = ring.successors('host-0') as [string, string, string]
    const isLive = (host: string): boolean => host !== first
    const holders = liveHolders(ring, 'host-0', 2, isLive)
    expect(holders).toEqual({ assigned: [second], standIns: [{ host: third, standsInFor: first }] })
    expect(hostsOf(liveHolders(ring, 'host-0', 2, () => false))).toEqual([])
  })

  test('gives each monitor one live aggregator, and another only when that one is gone', () => {
    const ring = new Ring(members(10))
    const first = aggregatorOf(ring, 'cpu', everybody)
    expect(ring.hosts).toContain(first)
    expect(aggregatorOf(ring, 'cpu', (host) => host !== first)).not.toBe(first)
    expect(aggregatorOf(new Ring([]), 'cpu', everybody)).toBeUndefined()
  })

  test('finds the nearest that fit on both sides', () => {
    const ring = new Ring(members(5))
    const at = ring.hosts.indexOf('host-2')
    const around = [ring.hosts[(at + 1) % 5], ring.hosts[(at + 4) % 5]]
    expect(ring.adjacent('host-2', everybody)).toEqual(around)
    expect(new Ring(members(1)).adjacent('host-0', everybody)).toEqual([])
  })
})
