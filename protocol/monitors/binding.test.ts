import { describe, expect, it } from 'vitest'
import { parseCanonical } from '#protocol/metrics/series.ts'
import { SeriesBinding } from './binding.ts'
import type { MonitorFilter } from './model.ts'
import { planContext } from './plan.ts'

const dayMs = 86_400_000

/** A host's binding of one raw monitor, and what it has at a window end. */
function bindingOf(
  of: string,
  filter: MonitorFilter,
): {
  binding: SeriesBinding
  see: (text: string, firstMs?: number, newestMs?: number) => void
  at: (endMs: number) => string[]
} {
  const binding = new SeriesBinding({ cloud: 'c', host: 'h' })
  const base = { scope: 'host', everyMs: 10, latenessMs: 0, coverage: 1, by: [], exact: false } as const
  const window = { kind: 'time', ms: 10 } as const
  const monitor = { ...base, kind: 'raw', name: 'm', of, filter, function: 'mean', window } as const
  binding.select([planContext({ application: 'shop', monitors: [monitor] })])
  const see = (text: string, firstMs = 0, newestMs = firstMs): void =>
    binding.seriesSeen({ ...parseCanonical(text), text, firstMs, newestMs })
  const at = (endMs: number): string[] =>
    binding
      .bound('shop', of, filter, endMs)
      .map(({ text, tags }) => `${text} as ${tags['instance'] ?? tags['metric'] ?? '-'}`)
  return { binding, see, at }
}

describe('a series is an input', () => {
  it('from its first sample on, until it was silent for a day', () => {
    const { see, at } = bindingOf('cpu', {})
    see('cpu', 15)
    see('other', 0)
    expect([at(10), at(20), at(15 + dayMs), at(16 + dayMs)]).toEqual([[], ['cpu as -'], ['cpu as -'], []])
    see('cpu', 15, 100)
    expect(at(16 + dayMs)).toEqual(['cpu as -'])
  })

  it('until it is gone from the store, or its instance from the host', () => {
    const { binding, see, at } = bindingOf('cpu', { component: 'web' })
    see('cpu;component=web;instance=w1')
    see('cpu;component=web;instance=w2')
    const instance = { application: 'shop', component: 'web', instance: 'w1', sinceMs: 0 }
    binding.instanceSeen({ ...instance, goneMs: 50 })
    expect(at(50)).toHaveLength(2)
    expect(at(60)).toEqual(['cpu;component=web;instance=w2 as w2'])
    binding.seriesGone('cpu;component=web;instance=w2')
    expect(at(60)).toEqual([])
  })

  it('for each instance of its component on the host that has none of its own', () => {
    const { binding, see, at } = bindingOf('cpu', { component: 'web' })
    see('cpu')
    expect(at(10)).toEqual([])
    for (const instance of ['w1', 'w2']) {
      binding.instanceSeen({ application: 'shop', component: 'web', instance, sinceMs: 0 })
    }
    binding.instanceSeen({ application: 'other', component: 'web', instance: 'w3', sinceMs: 0 })
    expect(at(10)).toEqual(['cpu as w1', 'cpu as w2'])
    see('cpu;component=web;instance=w2')
    expect(at(10)).toEqual(['cpu;component=web;instance=w2 as w2', 'cpu as w1'])
  })

  it('only where all filters fit', () => {
    const filtered = (filter: MonitorFilter): string[] => {
      const { see, at } = bindingOf('*', filter)
      see('a;application=shop;component=web;zone=x')
      see('b;application=other;component=web')
      see('monitor.shop.m')
      return at(10)
    }
    expect(filtered({})).toEqual([
      'a;application=shop;component=web;zone=x as a',
      'b;application=other;component=web as b',
    ])
    expect(filtered({ component: 'web' })).toHaveLength(1)
    expect(filtered({ tags: { zone: 'x' } })).toHaveLength(1)
    expect(filtered({ cloud: 'elsewhere' })).toEqual([])
    expect(filtered({ host: 'h', cloud: 'c' })).toHaveLength(2)
  })
})
