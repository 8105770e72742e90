/**
 * What runs beside a custom sensor in its worker thread, as text: the agent is one bundled file, so there is no second file to
 * start a worker from. Plain CommonJS, because that is what `eval` workers run.
 */
import * as z from 'zod/mini'
import { canonicalName } from '#protocol/metrics/series.ts'
import type { MetricDescription } from './sensor.ts'

/** Given to the worker at its start. */
export interface WorkerInput {
  readonly url: string
  readonly parameters: unknown
  readonly root: string
  readonly platform: string
  readonly intervalMs: number
}

/** What the worker says. */
export type WorkerMessage =
  | { readonly type: 'ready'; readonly metrics: readonly MetricDescription[] }
  | { readonly type: 'outcome'; readonly outcome: unknown }
  | { readonly type: 'failed'; readonly reason: string }

export const workerCode = `
const { parentPort, workerData } = require('node:worker_threads')
const fail = (error) => parentPort.postMessage({ type: 'failed', reason: String((error && error.message) || error) })
const clock = { now: () => Date.now(), monotonic: () => performance.now() }
import(workerData.url)
  .then(async ({ sensor }) => {
    if (!sensor || typeof sensor.open !== 'function' || !Array.isArray(sensor.metrics)) {
      throw new Error('the file exports no sensor with metrics and open(parameters, deps)')
    }
    const parameters = sensor.parse ? sensor.parse(workerData.parameters) : workerData.parameters
    const { root, platform, intervalMs } = workerData
    const open = await sensor.open(parameters, { root, platform, intervalMs, clock })
    parentPort.on('message', async () => {
      try {
        parentPort.postMessage({ type: 'outcome', outcome: await open.read(new AbortController().signal) })
      } catch (error) {
        fail(error)
      }
    })
    parentPort.postMessage({ type: 'ready', metrics: sensor.metrics })
  })
  .catch(fail)
`

const metricSchema: z.ZodMiniType<MetricDescription> = z.object({
  name: z.string().check(z.refine((name) => canonicalName(name) === name, { error: 'a metric name' })),
  unit: z.string().check(z.maxLength(64)),
  kind: z.enum(['gauge', 'counter']),
  tags: z.array(z.string()),
  meaning: z.string(),
})

/** Shape of whatever comes out of the worker: the file in it could send anything. */
export const workerMessageSchema: z.ZodMiniType<WorkerMessage> = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready'), metrics: z.array(metricSchema).check(z.maxLength(256)) }),
  z.object({ type: z.literal('outcome'), outcome: z.unknown() }),
  z.object({ type: z.literal('failed'), reason: z.string() }),
])
