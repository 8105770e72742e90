import { array, assert, property, string } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Dictionary, type HashCollision } from './dictionary.ts'
import { hashSeries } from './series-hash.ts'

/** Two names with one FNV-1a hash, from the tests of Prometheus (client_golang prometheus/registry_test.go). */
const [one, other] = ['8yn0iYCKYHlIj4-BwPqk', 'GReLUrM4wMqfg9yzV3KQ'] as const

describe('the dictionary', () => {
  test('gives dense ids in order of first sight, and finds them by name', () => {
    assert(
      property(array(string({ maxLength: 12 }), { maxLength: 300 }), (names) => {
        const dictionary = new Dictionary()
        const model = new Map<string, number>()
        for (const name of names) {
          if (!model.has(name)) model.set(name, model.size)
          expect(dictionary.add(name)).toBe(model.get(name))
        }
        expect(dictionary.size).toBe(model.size)
        for (const [name, id] of model) {
          expect(dictionary.find(name)).toBe(id)
          expect(dictionary.hash(id)).toEqual(hashSeries(name))
        }
        expect(dictionary.find('of no series')).toBe(undefined)
      }),
    )
  })

  test('refuses the second of two names with one hash, and says which', () => {
    const seen: HashCollision[] = []
    const dictionary = new Dictionary((collision) => seen.push(collision))
    expect(hashSeries(one)).toEqual(hashSeries(other))
    expect(dictionary.add(one)).toBe(0)
    expect(dictionary.find(other)).toBe(undefined)
    expect(dictionary.add(other)).toBe(-1)
    expect(dictionary.add(one)).toBe(0)
    expect(dictionary.size).toBe(1)
    expect(dictionary.collisions).toBe(1)
    expect(seen).toEqual([{ name: other, takenBy: one }])
  })

  test('keeps the places of what stands on disk, repeats included', () => {
    const dictionary = new Dictionary()
    for (const name of [one, other, one, 'last']) dictionary.adopt(name)
    expect(dictionary.size).toBe(4)
    expect(dictionary.find(one)).toBe(0)
    expect(dictionary.find('last')).toBe(3)
    expect(dictionary.entry(2)).toEqual({ name: one })
    expect(() => dictionary.hash(4)).toThrow(RangeError)
  })
})
