import { describe, expect, test } from 'vitest'
import { Cardinality, type NearBudget, ownClient, ownReserve } from './cardinality.ts'

describe('the cardinality budget', () => {
  test('refuses new series above the bound, by the budget that is full', () => {
    const budget = new Cardinality({ seriesMax: 4, prefixSeriesMax: 2, clientSeriesMax: 3 })
    expect(budget.admit('shop.web.a', 'one')).toBeUndefined()
    expect(budget.admit('shop.web.b', 'one')).toBeUndefined()
    expect(budget.admit('shop.web.c', 'one')).toBe('prefix')
    expect(budget.admit('shop.db.a', 'one')).toBeUndefined()
    expect(budget.admit('shop.db.b', 'one')).toBe('client')
    expect(budget.admit('shop.db.b', 'two')).toBeUndefined()
    expect(budget.admit('cpu.usage')).toBe('series')
    expect(budget.refused).toEqual({ series: 1, prefix: 1, client: 1 })
  })

  test('counts what was there before against the prefix, not against a client', () => {
    const budget = new Cardinality({ seriesMax: 10, prefixSeriesMax: 1 })
    budget.count('shop.web.a')
    expect(budget.admit('shop.web.b', 'one')).toBe('prefix')
    expect(budget.topClients(5)).toEqual([{ name: 'one', series: 0, refused: 1 }])
  })

  test('names the top talkers, those who were refused included', () => {
    const budget = new Cardinality({ seriesMax: 5 })
    for (const name of ['a.b.1', 'a.b.2', 'a.b.3', 'c.d.1', 'c.d.2', 'c.d.3']) budget.admit(name, name.slice(0, 1))
    expect(budget.topPrefixes(2)).toEqual([
      { name: 'a.b', series: 3, refused: 0 },
      { name: 'c.d', series: 2, refused: 1 },
    ])
    expect(budget.topClients(1)).toEqual([{ name: 'a', series: 3, refused: 0 }])
  })

  test('holds a bounded number of names; the rest share one entry and its budget', () => {
    const budget = new Cardinality({ seriesMax: 1000, prefixSeriesMax: 10, namesMax: 2 })
    for (let i = 0; i < 50; i++) budget.admit(`flood.p${i}.x`)
    expect(budget.series).toBe(12)
    expect(budget.topPrefixes(10).map(({ name }) => name)).toEqual(['*', 'flood.p0', 'flood.p1'])
  })

  test('gives prefixes of their own a depth and a budget', () => {
    const prefixes = [
      { match: 'shop.*.orders', seriesMax: 1 },
      { match: 'legacy', seriesMax: 2 },
    ]
    const budget = new Cardinality({ seriesMax: 100, prefixSeriesMax: 3, prefixes })
    expect(budget.admit('shop.web.orders.a')).toBeUndefined()
    expect(budget.admit('shop.web.orders.b')).toBe('prefix')
    expect(budget.admit('shop.db.orders.b')).toBeUndefined()
    expect(budget.admit('shop.web.other')).toBeUndefined()
    for (const name of ['legacy.a.b', 'legacy.c']) expect(budget.admit(name)).toBeUndefined()
    expect(budget.admit('legacy.d.e')).toBe('prefix')
    expect(budget.topPrefixes(1)).toEqual([{ name: 'legacy', series: 2, refused: 1 }])
  })

  test('says once that 80 and 90 % of a budget are used', () => {
    const said: NearBudget[] = []
    const budget = new Cardinality({ seriesMax: 100, clientSeriesMax: 10 }, (near) => said.push(near))
    for (let i = 0; i < 12; i++) budget.admit(`a.b.${i}`, 'one')
    expect(said).toEqual([
      { budget: 'client', name: 'one', percent: 80, series: 8, seriesMax: 10 },
      { budget: 'client', name: 'one', percent: 90, series: 9, seriesMax: 10 },
    ])
    said.length = 0
    for (let i = 0; i < 100; i++) budget.admit(`c.d.${i}`, `client${i}`)
    expect(said.map(({ budget: of, percent, series }) => [of, percent, series])).toEqual([
      ['series', 80, 80],
      ['series', 90, 90],
    ])
  })

  test('leaves the agent itself a reserve that no flood can take', () => {
    const budget = new Cardinality({ seriesMax: 10, prefixSeriesMax: 2, clientSeriesMax: 10 })
    for (let i = 0; i < 100; i++) budget.admit(`flood${i}`, 'flood')
    expect(budget.series).toBe(10)
    for (let i = 0; i < ownReserve; i++) expect(budget.admit(`cpu.core.${i}`, ownClient)).toBeUndefined()
    expect(budget.admit('cpu.core.more', ownClient)).toBe('series')
  })

  test.each([
    ['shop.web.requests', 'shop.web'],
    ['shop.web;host=a.b', 'shop.web'],
    ['shop', 'shop'],
    ['shop;dc=x.y.z', 'shop'],
  ])('the prefix of %s is %s', (name, prefix) => {
    expect(new Cardinality({ seriesMax: 1 }).prefixOf(name)).toBe(prefix)
  })
})
