import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { BlockDecoder } from './decoder.ts'
import { BlockEncoder } from './encoder.ts'

interface Fixture {
  readonly name: string
  /** Hexadecimal. */
  readonly block: string
  readonly timestampsMs: number[]
  readonly values: number[]
}

const path = new URL('fixtures/version-1.json', import.meta.url)
const fixtures = JSON.parse(readFileSync(path, 'utf8')) as Fixture[]

test.each(fixtures)('a block of version 1 is read for ever: $name', ({ block, timestampsMs, values }) => {
  const timestampsOut = new Float64Array(values.length)
  const valuesOut = new Float64Array(values.length)
  expect(new BlockDecoder().decode(Buffer.from(block, 'hex'), timestampsOut, valuesOut)).toBe(values.length)
  expect([...timestampsOut]).toEqual(timestampsMs)
  expect([...valuesOut]).toEqual(values)
})

/** Not a promise to readers: a changed choice of the writer is fine, but should be meant. */
test.each(fixtures)('the writer still makes the same bytes: $name', ({ block, timestampsMs, values }) => {
  const made = new BlockEncoder(100).encode(
    Float64Array.from(timestampsMs),
    Float64Array.from(values),
    0,
    values.length,
  )
  expect(Buffer.from(made).toString('hex')).toBe(block)
})
