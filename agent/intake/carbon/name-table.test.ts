import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { NameTable, nameBytesMax } from './name-table.ts'

function table(
  entriesMax = 1e6,
  bytesMax = 1e8,
): {
  add(name: string, id: number): number
  find(name: string): number | undefined
  names: NameTable
} {
  const names = new NameTable({ entriesMax, bytesMax })
  return {
    names,
    add: (name, id) => {
      const bytes = Buffer.from(name)
      return names.add(bytes, 0, bytes.length, names.hash(bytes, 0, bytes.length), id, 3)
    },
    find: (name) => {
      const bytes = Buffer.from(`--${name} 1`)
      const end = 2 + Buffer.byteLength(name)
      const entry = names.find(bytes, 2, end, names.hash(bytes, 2, end))
      return entry === 0 ? undefined : names.id(entry)
    },
  }
}

describe('the table of names', () => {
  test('is a map from bytes to ids', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ minLength: 1, maxLength: 20 }), { maxLength: 2000 }), (all) => {
        const subject = table()
        const model = new Map<string, number>()
        for (const name of all) {
          expect(subject.find(name)).toBe(model.get(name))
          if (model.has(name)) continue
          model.set(name, model.size)
          subject.add(name, model.size - 1)
        }
        for (const [name, id] of model) expect(subject.find(name)).toBe(id)
      }),
      { numRuns: 50 },
    )
  })

  test('holds a hundred thousand names', () => {
    const subject = table()
    for (let i = 0; i < 100_000; i++) subject.add(`agents.host${i}.cpu`, i)
    expect(subject.names.size).toBe(100_000)
    expect(subject.names.overflows).toBe(0)
    for (let i = 0; i < 100_000; i += 997) expect(subject.find(`agents.host${i}.cpu`)).toBe(i)
  })

  test('refuses beyond its entries, its bytes and the length of a name, and counts what clearing would cure', () => {
    const few = table(1)
    expect([few.add('a', 1), few.add('b', 2), few.names.overflows]).toEqual([1, 0, 1])
    const small = table(10, 3)
    expect([small.add('abc', 1), small.add('d', 2), small.names.overflows]).toEqual([1, 0, 1])
    const any = table()
    expect([any.add('x'.repeat(nameBytesMax + 1), 1), any.names.overflows]).toEqual([0, 0])
  })

  test('forgets everything when cleared and starts again', () => {
    const subject = table(1)
    subject.add('a', 1)
    subject.names.clear()
    expect(subject.find('a')).toBeUndefined()
    subject.add('b', 2)
    expect(subject.find('b')).toBe(2)
  })
})
