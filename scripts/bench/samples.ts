/** Bytes a sample on the wire, on the recorded host: one sample of each of 337 series a batch, dictionary apart. */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { encodeBatch } from '#protocol/samples/encoder.ts'
import { batchesOf, roundsOf } from '#protocol/samples/trace-batches.ts'
import { printTable } from './report.ts'

export function benchSamples(): Promise<void> {
  const trace = gunzipSync(readFileSync(`${process.env['SHARED_DIR'] ?? '../shared'}/traces/host-1s.txt.gz`)).toString()
  const rounds = roundsOf(trace, 10)
  const rows = [1, 6].map((roundsPerBatch) => {
    const batches = batchesOf(rounds, roundsPerBatch)
    const samples = batches.reduce((sum, batch) => sum + batch.values.length, 0)
    const bytes = batches.reduce((sum, batch) => sum + encodeBatch('0123456789abcdef', batch).length, 0)
    return { 'rounds a batch': roundsPerBatch, samples, 'bytes a sample': (bytes / samples).toFixed(3) }
  })
  printTable('Samples on the wire, 10 s host trace', rows)
  return Promise.resolve()
}
