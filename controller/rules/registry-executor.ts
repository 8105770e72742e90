/** The executor over the registry: the count wanted and what cooldowns need are written together, or not at all. */
import * as z from 'zod'
import type { EventService } from '#controller/events/event-service.ts'
import type { RegistryChange, RegistryStore } from '#controller/registry/registry-store.ts'
import { type ActionExecutor, decisionsMax, type Raising, type ScaleOutcome, type Scaling } from './action-executor.ts'
import type { ScalingMemory } from './decision.ts'
import { afterScaling } from './round.ts'

/** Who has the counts that are wanted. */
export interface WantedCounts {
  wanted(application: string, component: string): number | undefined
  /**
   * Changes a count if it is still `from`, writing `also` in the same transaction; false = it is another by now, nothing was
   * written. Rejects with REGISTRY_WRITE_FAILED.
   */
  change(
    application: string,
    component: string,
    counts: { readonly from: number; readonly to: number },
    also: readonly RegistryChange[],
  ): Promise<boolean>
}

export interface RegistryExecutorDeps {
  readonly registry: Pick<RegistryStore, 'list'>
  readonly wanted: WantedCounts
  readonly events: Pick<EventService, 'say'>
}

interface ScalingRow extends ScalingMemory {
  /** The last decisions done, newest last. */
  readonly decisions: readonly string[]
}

const rowSchema: z.ZodType<ScalingRow> = z.object({
  upMs: z.number().optional(),
  downMs: z.number().optional(),
  decisions: z.array(z.string()),
})

export class RegistryExecutor implements ActionExecutor {
  readonly #tenant: string
  readonly #deps: RegistryExecutorDeps
  readonly #rows = new Map<string, Map<string, ScalingRow>>()

  private constructor(tenant: string, deps: RegistryExecutorDeps) {
    this.#tenant = tenant
    this.#deps = deps
  }

  /** Reads what was done before: `scaling!T!<application>!<component>`. A row of another shape is as good as none. */
  static async open(tenant: string, deps: RegistryExecutorDeps): Promise<RegistryExecutor> {
    const executor = new RegistryExecutor(tenant, deps)
    const prefix = `scaling!${tenant}!`
    for await (const { key, value } of deps.registry.list(prefix)) {
      const [application, component] = key.slice(prefix.length).split('!')
      const row = rowSchema.safeParse(value)
      if (application !== undefined && component !== undefined && row.success) {
        executor.#keep(application, component, row.data)
      }
    }
    return executor
  }

  async scale({ application, component, from, to, decisionId, atMs }: Scaling): Promise<ScaleOutcome> {
    const before = this.#rows.get(application)?.get(component)
    if (before?.decisions.includes(decisionId)) return { kind: 'repeated' }
    const decisions = [...(before?.decisions ?? []), decisionId].slice(-decisionsMax)
    const row: ScalingRow = { ...afterScaling(before, from, to, atMs), decisions }
    const key = `scaling!${this.#tenant}!${application}!${component}`
    const isDone = await this.#deps.wanted.change(application, component, { from, to }, [{ key, value: row }])
    if (!isDone) {
      const found = this.#deps.wanted.wanted(application, component)
      return { kind: 'refused', reason: `found ${found} wanted, expected ${from}` }
    }
    this.#keep(application, component, row)
    return { kind: 'done' }
  }

  async raise({ application, rule, event, data, decisionId }: Raising): Promise<void> {
    const fields = { ...data, rule, decision: decisionId }
    this.#deps.events.say({ tenant: this.#tenant, id: `${decisionId}.${event}`, kind: event, application, fields })
  }

  wanted(application: string, component: string): number | undefined {
    return this.#deps.wanted.wanted(application, component)
  }

  scalings(application: string): ReadonlyMap<string, ScalingMemory> {
    return this.#rows.get(application) ?? new Map()
  }

  #keep(application: string, component: string, row: ScalingRow): void {
    const rows = this.#rows.get(application) ?? new Map<string, ScalingRow>()
    this.#rows.set(application, rows.set(component, row))
  }
}
