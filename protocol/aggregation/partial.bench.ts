/**
 * `npx vitest bench protocol/aggregation`: adding the samples of a host to partial aggregates, merging 100 hosts, the wire; and what
 * the sketch is off by on every series of a real host, against all its values.
 */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { bench, describe } from 'vitest'
import { value } from './functions.ts'
import { type PartialAggregate, partialFor } from './partial.ts'
import { decodePartial } from './partial-decoder.ts'
import { encodePartial } from './partial-encoder.ts'
import { traceSeries } from './trace-series.ts'

const sharedDir = process.env['SHARED_DIR'] ?? '../shared'
const series = traceSeries(gunzipSync(readFileSync(`${sharedDir}/traces/host-1s.txt.gz`)).toString())
const cpu = (series.get('cpu.usage') ?? new Float64Array()).subarray(0, 1_000)

function partialOf(name: string, values: Float64Array): PartialAggregate {
  const partial = partialFor(name)
  partial.addPooled(values, { host: 'h1' })
  return partial
}

for (const name of ['mean', 'stddev', 'max', 'p95', 'distinct', 'top3']) {
  const parts = Array.from({ length: 100 }, (_, i) => partialOf(name, cpu.subarray(i * 10, i * 10 + 10)))
  const body = encodePartial(partialOf(name, cpu))
  describe(`${name}: ${body.length} bytes for ${cpu.length} CPU values`, () => {
    bench('add 1,000 values', () => {
      partialOf(name, cpu)
    })
    bench('merge 100 hosts of 10 values, and finish', () => {
      const all = partialFor(name)
      for (const part of parts) all.merge(part)
      all.finish()
    })
    bench('decode and encode', () => {
      encodePartial(decodePartial(body))
    })
  })
}

const percentiles = ['median', 'p90', 'p95', 'p99', 'p99.9']
const errors = [...series.values()].flatMap((values) =>
  percentiles.flatMap((name) => {
    const wanted = value(name, { timestampsMs: values, values, start: 0, end: values.length }) as number
    const found = partialOf(name, values).finish().value as number
    return found === wanted ? [0] : [Math.abs((found - wanted) / wanted)]
  }),
)
const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length
const largest = errors.reduce((a, b) => Math.max(a, b), 0)
const percent = (share: number): string => `${(share * 100).toFixed(3)} %`

describe(`sketch against all values, ${errors.length} percentiles of ${series.size} series: off by ${percent(mean)} on average, ${percent(largest)} at most`, () => {
  const values = series.get('cpu.usage') ?? new Float64Array()
  bench('p95 of 1,800 values by sketch', () => {
    partialOf('p95', values).finish()
  })
  bench('p95 of 1,800 values by sorting', () => {
    value('p95', { timestampsMs: values, values, start: 0, end: values.length })
  })
})
