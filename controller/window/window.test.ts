import { describe, expect, it } from 'vitest'
import type { Address } from '#protocol/subjects/subject.ts'
import { SampleWindow } from './window.ts'
import type { WindowSeries } from './window-series.ts'

const web: Address = { tenant: 'main', cloud: 'home', host: 'web' }
const db: Address = { tenant: 'main', cloud: 'home', host: 'db' }
const start = 1_700_000_000_000

function open(limits: { windowMs?: number; samplesMax?: number; seriesMax?: number } = {}): SampleWindow {
  return new SampleWindow({ windowMs: 60_000, samplesMax: 1000, seriesMax: 100, ...limits })
}

function valuesOf(window: SampleWindow, series: WindowSeries): number[] {
  const slice = window.read(series, -Infinity, Infinity)
  return slice ? [...slice.values.subarray(slice.start, slice.end)] : []
}

describe('the window', () => {
  it('keeps a sample for its time after arrival, however old its timestamp', () => {
    const window = open()
    const series = window.series(web, 'shop.orders', undefined)
    window.append(series, 1000, 1, start)
    window.append(series, start + 30_000, 2, start + 30_000)
    window.sweep(start + 59_000)
    expect(valuesOf(window, series)).toEqual([1, 2])
    window.sweep(start + 62_000)
    expect(valuesOf(window, series)).toEqual([2])
    expect(window.stats()).toMatchObject({ series: 1, samples: 1, dropped: { expired: 1 } })
  })

  it('forgets a series without samples and takes it up again through the same handle', () => {
    const window = open()
    const series = window.series(web, 'a', undefined)
    window.append(series, start, 1, start)
    window.sweep(start + 120_000)
    expect([...window.list()]).toEqual([])
    expect(window.stats()).toMatchObject({ series: 0, samples: 0, bytes: 0 })
    window.append(series, start + 120_000, 2, start + 120_000)
    expect(window.find('main.home.web', 'a')).toBe(series)
  })

  it('is one series a host and name, whichever handle writes', () => {
    const window = open()
    const [first, second] = [window.series(web, 'a', undefined), window.series(web, 'a', undefined)]
    window.append(first, 1, 1, start)
    window.append(second, 2, 2, start)
    expect(valuesOf(window, first)).toEqual([1, 2])
    expect([...window.list('main.home.web')]).toHaveLength(1)
    expect([...window.list('main.home.db')]).toEqual([])
  })

  it('cuts the biggest series of the biggest host when the budget is spent, and nobody else', () => {
    const window = open({ samplesMax: 1000 })
    const [modest, small, flood] = [
      window.series(db, 'modest', undefined),
      window.series(web, 'small', undefined),
      window.series(web, 'flood', undefined),
    ]
    for (let i = 0; i < 100; i++) window.append(modest, i, i, start)
    for (let i = 0; i < 50; i++) window.append(small, i, i, start)
    for (let i = 0; i < 5000; i++) window.append(flood, i, i, start)
    expect(window.stats().samples).toBeLessThanOrEqual(1000)
    expect(valuesOf(window, modest)).toHaveLength(100)
    expect(valuesOf(window, small)).toHaveLength(50)
    expect(valuesOf(window, flood).at(-1)).toBe(4999)
    const { samples, dropped } = window.stats()
    expect(samples + dropped.budget).toBe(5150)
  })

  it('refuses series above its limit and counts their samples', () => {
    const window = open({ seriesMax: 1 })
    window.append(window.series(web, 'a', undefined), 1, 1, start)
    window.append(window.series(web, 'b', undefined), 1, 1, start)
    expect(window.stats()).toMatchObject({ series: 1, samples: 1, dropped: { series_limit: 1 } })
  })

  it('refuses what JSON could not carry', () => {
    const window = open()
    window.append(window.series(web, 'a', undefined), 1, Number.NaN, start)
    window.append(window.series(web, 'a', undefined), Number.POSITIVE_INFINITY, 1, start)
    expect(window.stats()).toMatchObject({ samples: 0, dropped: { value: 2 } })
  })

  it('counts repeats of a timestamp once, also when they came late', () => {
    const window = open()
    const series = window.series(web, 'a', undefined)
    for (const t of [5, 5, 3, 5, 3]) window.append(series, t, t, start)
    expect(valuesOf(window, series)).toEqual([3, 5])
    expect(window.stats().samples).toBe(2)
  })
})
