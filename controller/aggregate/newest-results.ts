/**
 * The newest results of each cross-cloud monitor across restarts: where the next life of the controller begins, what it expects, and which
 * windows it must not publish as new. Written a few seconds behind; what is lost by that is published again under the same revision
 * and with the same value, or not at all.
 */
import * as z from 'zod'
import type { RegistryStore } from '#controller/registry/registry-store.ts'
import { messageOf } from '#protocol/errors.ts'
import type { MonitorResult } from '#protocol/monitors/model.ts'
import type { Aggregator } from '#protocol/monitors/published.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { OnceAMinute } from '#protocol/runtime/once-a-minute.ts'
import { controllerHost } from '#protocol/subjects/subject.ts'

/** What a row says. */
export interface KeptResults {
  readonly application: string
  readonly monitor: string
  readonly windowEndMs: number
  readonly by: Aggregator
  readonly revision: number
  readonly results: readonly MonitorResult[]
}

/** Results of one monitor that are kept; beyond it none, and the next life expects what it hears of. */
const resultsMax = 1_000
const writeDelayMs = 5_000
const count = z.int().min(0)

const rowSchema = z.object({
  windowEndMs: z.number(),
  session: count,
  revision: count,
  results: z.array(
    z.object({ tags: z.record(z.string(), z.string()), value: z.number().nullable(), known: count, expected: count }),
  ),
})

export interface NewestResultsDeps {
  readonly registry: Pick<RegistryStore, 'list' | 'write'>
  readonly clock: Clock
  readonly logger: Logger
}

export class NewestResults {
  readonly #prefix: string
  readonly #deps: NewestResultsDeps
  readonly #dirty = new Map<string, KeptResults>()
  readonly #logged: OnceAMinute
  /** Monitors that have a row. */
  readonly #rows = new Set<string>()
  #writing: Promise<void> = Promise.resolve()
  #cancel: (() => void) | undefined

  constructor(tenant: string, deps: NewestResultsDeps) {
    this.#prefix = `newest!${tenant}!`
    this.#deps = deps
    this.#logged = new OnceAMinute(deps.clock)
  }

  /** The rows of the last life; those of another shape are as good as none. */
  async read(): Promise<KeptResults[]> {
    const kept: KeptResults[] = []
    for await (const { key, value } of this.#deps.registry.list(this.#prefix)) {
      const name = key.slice(this.#prefix.length)
      this.#rows.add(name)
      const row = rowSchema.safeParse(value)
      const [application, monitor] = name.split('!')
      if (!row.success || application === undefined || monitor === undefined) continue
      const { windowEndMs, session, revision, results } = row.data
      const head = { application, monitor, windowEndMs, revision }
      const by = { host: controllerHost, session }
      kept.push({ ...head, by, results: results.map((result) => ({ ...head, ...result })) })
    }
    return kept
  }

  /** Keeps these, unless later ones are kept. */
  note(results: KeptResults): void {
    const key = `${results.application}!${results.monitor}`
    const known = this.#dirty.get(key)
    if (results.results.length > resultsMax || (known && known.windowEndMs > results.windowEndMs)) return
    this.#dirty.set(key, results)
    this.#cancel ??= this.#deps.clock.after(writeDelayMs, () => {
      this.#cancel = undefined
      void this.flush()
    })
  }

  /** Forgets monitors that are no more. */
  async keep(isThere: (application: string, monitor: string) => boolean): Promise<void> {
    const gone = [...this.#rows, ...this.#dirty.keys()].filter((key) => {
      const [application = '', monitor = ''] = key.split('!')
      return !isThere(application, monitor)
    })
    if (gone.length === 0) return
    for (const key of gone) {
      this.#rows.delete(key)
      this.#dirty.delete(key)
    }
    await this.#write(gone.map((key) => ({ key: this.#prefix + key, remove: true })))
  }

  /** Writes now what has changed. Never rejects: what cannot be written is noted again with the next window. */
  flush(): Promise<void> {
    this.#cancel?.()
    this.#cancel = undefined
    const changes = [...this.#dirty].map(([key, { windowEndMs, by, revision, results }]) => {
      this.#rows.add(key)
      const parts = results.map(({ tags, value, known, expected }) => ({ tags, value, known, expected }))
      return { key: this.#prefix + key, value: { windowEndMs, session: by.session, revision, results: parts } }
    })
    this.#dirty.clear()
    return this.#write(changes)
  }

  #write(changes: Parameters<RegistryStore['write']>[0]): Promise<void> {
    if (changes.length === 0) return this.#writing
    this.#writing = this.#writing
      .then(() => this.#deps.registry.write(changes))
      .catch((error: unknown) => {
        this.#logged.pass('write', (suppressed) =>
          this.#deps.logger.warn({ suppressed, error: messageOf(error) }, 'newest_results_not_written'),
        )
      })
    return this.#writing
  }
}
