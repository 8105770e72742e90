/**
 * Sensors that operators write themselves: an ES module in an allowed folder that exports `sensor`. It runs in a worker thread
 * with its own small heap, so that neither an endless loop nor a leak in it reaches the agent; a worker that does not answer
 * is ended, and a file that changes is loaded anew.
 */
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import * as z from 'zod/mini'
import { type CustomFile, checkCustomFile } from './custom-file.ts'
import { checkCustomOutcome, invalidCustom } from './custom-outcome.ts'
import { type WorkerInput, type WorkerMessage, workerCode, workerMessageSchema } from './custom-worker.ts'
import {
  type MetricDescription,
  type OpenSensor,
  type Outcome,
  parseParameters,
  type Sensor,
  type SensorDeps,
} from './sensor.ts'

export interface CustomParameters {
  /** Absolute path of the module, below one of the agent's `allow.sensorFolders`. Required. */
  readonly file: string
  /** Handed to the module's `parse`, else to its `open`. */
  readonly parameters?: Readonly<Record<string, unknown>> | undefined
}

const schema: z.ZodMiniType<CustomParameters> = z.strictObject({
  file: z.string().check(z.regex(/^\//, 'an absolute path')),
  parameters: z.optional(z.record(z.string(), z.unknown())),
})

/** What a worker may use; beyond it the worker ends, not the agent. */
const resourceLimits = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 8, stackSizeMb: 4 }

/** Whatever the module describes. */
export const customSensor: Sensor<CustomParameters> = {
  name: 'custom',
  metrics: [
    { name: '*', unit: 'as described', kind: 'gauge', tags: [], meaning: 'what the module describes in `metrics`' },
  ],
  privileges: "those of the agent's account: the module runs inside the agent's process",
  parse: (parameters) => parseParameters('custom', schema, parameters),
  open: (parameters, deps) => new CustomSensor(parameters, deps),
}

interface Loaded {
  readonly version: string
  readonly worker: Worker
  metrics: readonly MetricDescription[]
}

class CustomSensor implements OpenSensor {
  readonly #parameters: CustomParameters
  readonly #deps: SensorDeps
  #loaded: Loaded | undefined

  constructor(parameters: CustomParameters, deps: SensorDeps) {
    this.#parameters = parameters
    this.#deps = deps
  }

  async read(signal: AbortSignal): Promise<Outcome> {
    const file = checkCustomFile(this.#parameters.file, this.#deps.allow.sensorFolders)
    if (this.#loaded && this.#loaded.version !== file.version) await this.close()
    try {
      this.#loaded ??= await this.#load(file, signal)
      const { worker, metrics } = this.#loaded
      const answer = nextMessage(worker, signal)
      worker.postMessage('read', [])
      const message = await answer
      if (message.type !== 'outcome') throw invalidCustom(message.type === 'failed' ? message.reason : 'a second start')
      return checkCustomOutcome(message.outcome, metrics)
    } catch (error) {
      await this.close()
      throw error
    }
  }

  async close(): Promise<void> {
    const loaded = this.#loaded
    this.#loaded = undefined
    await loaded?.worker.terminate()
  }

  async #load(file: CustomFile, signal: AbortSignal): Promise<Loaded> {
    const { root, platform, intervalMs } = this.#deps
    const { parameters = {} } = this.#parameters
    const workerData: WorkerInput = { url: pathToFileURL(file.path).href, parameters, root, platform, intervalMs }
    const worker = new Worker(workerCode, {
      eval: true,
      name: 'custom sensor',
      env: {},
      execArgv: [],
      stdout: true,
      stderr: true,
      workerData,
      resourceLimits,
    })
    worker.unref()
    worker.stdout.resume()
    worker.stderr.resume()
    worker.on('error', (error) =>
      this.#deps.logger.warn({ file: file.path, reason: error.message }, 'custom sensor died'),
    )
    worker.on('exit', () => {
      if (this.#loaded?.worker === worker) this.#loaded = undefined
    })
    this.#loaded = { version: file.version, worker, metrics: [] }
    const message = await nextMessage(worker, signal)
    if (message.type !== 'ready') throw invalidCustom(message.type === 'failed' ? message.reason : 'no start')
    return { version: file.version, worker, metrics: message.metrics }
  }
}

/** The worker's next message; rejects when it dies first or the signal aborts. */
function nextMessage(worker: Worker, signal: AbortSignal): Promise<WorkerMessage> {
  return new Promise((resolve, reject) => {
    const done = (settle: () => void): void => {
      worker.off('message', onMessage)
      worker.off('error', onError)
      worker.off('exit', onExit)
      signal.removeEventListener('abort', onAbort)
      settle()
    }
    const onMessage = (raw: unknown): void => {
      const message = workerMessageSchema.safeParse(raw)
      done(() => (message.success ? resolve(message.data) : reject(invalidCustom('a message of another shape'))))
    }
    const onError = (error: Error): void => done(() => reject(invalidCustom(error.message)))
    const onExit = (): void => done(() => reject(invalidCustom('an end of its own')))
    const onAbort = (): void => done(() => reject(signal.reason))
    worker.on('message', onMessage)
    worker.on('error', onError)
    worker.on('exit', onExit)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
  })
}
