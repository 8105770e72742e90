/** `npx vitest bench protocol/samples`: encode and decode, and the bytes a sample takes. */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { bench, describe } from 'vitest'
import { decodeSamples } from './decoder.ts'
import { encodeBatch } from './encoder.ts'
import { batchesOf, roundsOf } from './trace-batches.ts'

const sharedDir = process.env['SHARED_DIR'] ?? '../shared'
const rounds = roundsOf(gunzipSync(readFileSync(`${sharedDir}/traces/host-1s.txt.gz`)).toString(), 10)

for (const roundsPerBatch of [1, 6, 60]) {
  const batches = batchesOf(rounds, roundsPerBatch)
  const bodies = batches.map((batch) => encodeBatch('store-0123456789abcdef', batch))
  const bytes = bodies.reduce((sum, body) => sum + body.length, 0)
  const samples = batches.reduce((sum, batch) => sum + batch.values.length, 0)
  const title = `${samples} samples, ${roundsPerBatch} rounds a batch, ${(bytes / samples).toFixed(3)} bytes a sample`
  describe(title, () => {
    bench('encode', () => {
      for (const batch of batches) encodeBatch('store-0123456789abcdef', batch)
    })
    bench('decode', () => {
      for (const body of bodies) decodeSamples(body)
    })
  })
}
