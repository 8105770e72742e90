/** Thin: the store's hot paths against each other. The table of figures comes from `store-bench.ts` through `npm run bench`. */
import { bench, describe } from 'vitest'
import { decodeRow } from './journal/row-decoder.ts'
import { RowEncoder } from './journal/row-encoder.ts'
import { buckets } from './memory/buckets.ts'
import { OpenSamples } from './memory/open-samples.ts'

const count = 30_000
const ids = Uint32Array.from({ length: count }, (_, i) => i % 1000)
const times = Float64Array.from(ids, (_, i) => 1_790_000_000_000 + Math.floor(i / 1000) * 10_000)
const values = Float64Array.from(ids, (id, i) => (id % 3 === 0 ? i * 17 : Math.round(Math.sin(i) * 10_000) / 100))

describe(`${count} samples of 1,000 series`, () => {
  const encoder = new RowEncoder()
  const row = encoder.encode(ids, times, values, 0, count).slice()
  const open = new OpenSamples(1000)
  for (let i = 0; i < count; i++) open.push(ids[i] as number, times[i] as number, values[i] as number)

  bench('append to memory', () => {
    const fresh = new OpenSamples(1000)
    for (let i = 0; i < count; i++) fresh.push(ids[i] as number, times[i] as number, values[i] as number)
  })
  bench('encode a journal row', () => {
    encoder.encode(ids, times, values, 0, count)
  })
  bench('decode a journal row', () => {
    decodeRow(row)
  })
  bench('sort by groups of series', () => {
    for (const _ of buckets(open));
  })
})
