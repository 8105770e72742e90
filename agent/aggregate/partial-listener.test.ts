import { expect, test } from 'vitest'
import { heardSinglyMax, type MonitorName, PartialListener } from './partial-listener.ts'

class Patterns {
  readonly open: string[] = []
  most = 0

  subscribe(pattern: string): { pattern: string; close(): void } {
    this.open.push(pattern)
    this.most = Math.max(this.most, this.open.length)
    return { pattern, close: () => void this.open.splice(this.open.indexOf(pattern), 1) }
  }
}

function monitors(count: number): MonitorName[] {
  return Array.from({ length: count }, (_, i) => ({ application: 'shop', monitor: `m${i}` }))
}

test('few monitors are heard one by one, and those that go elsewhere no more', () => {
  const bus = new Patterns()
  const listener = new PartialListener('lanista.acme.c1.*', bus, () => {})
  listener.select(monitors(2))
  expect(bus.open).toEqual(['lanista.acme.c1.*.partial.shop.m0', 'lanista.acme.c1.*.partial.shop.m1'])
  listener.select(monitors(1))
  expect(bus.open).toEqual(['lanista.acme.c1.*.partial.shop.m0'])
})

test('any number of monitors stays within the subscriptions of a client, and few again are heard one by one', () => {
  const bus = new Patterns()
  const listener = new PartialListener('lanista.acme.c1.*', bus, () => {})
  for (const count of [heardSinglyMax, heardSinglyMax + 1, 10_000]) listener.select(monitors(count))
  expect(bus.open).toEqual(['lanista.acme.c1.*.partial.>'])
  expect(bus.most).toBe(heardSinglyMax)
  listener.select(monitors(1))
  expect(bus.open).toEqual(['lanista.acme.c1.*.partial.shop.m0'])
  listener.close()
  expect(bus.open).toEqual([])
})
