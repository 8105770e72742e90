/** The seam behind decisions: who changes the counts that are wanted, and raises events. */
import type { ScalingMemory } from './decision.ts'
import { afterScaling } from './round.ts'

/** A change of the count wanted, decided. */
export interface Scaling {
  readonly application: string
  readonly component: string
  readonly from: number
  readonly to: number
  /** The same decision is done once, however often it is asked for. */
  readonly decisionId: string
  /** The window of the decision, epoch ms: cooldowns count from here. */
  readonly atMs: number
}

/** An event to raise, decided. */
export interface Raising {
  readonly application: string
  readonly rule: string
  readonly event: string
  readonly data: Readonly<Record<string, string | number | boolean>>
  readonly decisionId: string
}

/** `repeated`: this decision was done before. `refused`: nothing was changed. */
export type ScaleOutcome =
  | { readonly kind: 'done' | 'repeated' }
  | { readonly kind: 'refused'; readonly reason: string }

export interface ActionExecutor {
  /** Changes the count if it is still `from`. Rejects with a LanistaError when it could not be written; nothing is changed then. */
  scale(scaling: Scaling): Promise<ScaleOutcome>
  raise(raising: Raising): Promise<void>
  /** The count wanted now; undefined for a component nobody has applied. */
  wanted(application: string, component: string): number | undefined
  /** The last scalings of an application's components. */
  scalings(application: string): ReadonlyMap<string, ScalingMemory>
}

/** Decisions remembered of each component: more than can be judged twice. */
export const decisionsMax = 16

/** The in-memory form. */
export class MemoryExecutor implements ActionExecutor {
  readonly done: Scaling[] = []
  readonly raised: Raising[] = []
  readonly #wanted: Map<string, number>
  readonly #scalings = new Map<string, Map<string, ScalingMemory>>()

  /** @param wanted counts by `application.component` */
  constructor(wanted: Readonly<Record<string, number>>) {
    this.#wanted = new Map(Object.entries(wanted))
  }

  async scale(scaling: Scaling): Promise<ScaleOutcome> {
    const { application, component, from, to, decisionId, atMs } = scaling
    if (this.done.some((one) => one.component === component && one.decisionId === decisionId))
      return { kind: 'repeated' }
    const wanted = this.wanted(application, component)
    if (wanted !== from) return { kind: 'refused', reason: `found ${wanted} wanted, expected ${from}` }
    this.#wanted.set(`${application}.${component}`, to)
    const scalings = this.#scalings.get(application) ?? new Map<string, ScalingMemory>()
    this.#scalings.set(application, scalings.set(component, afterScaling(scalings.get(component), from, to, atMs)))
    this.done.push(scaling)
    return { kind: 'done' }
  }

  async raise(raising: Raising): Promise<void> {
    this.raised.push(raising)
  }

  wanted(application: string, component: string): number | undefined {
    return this.#wanted.get(`${application}.${component}`)
  }

  scalings(application: string): ReadonlyMap<string, ScalingMemory> {
    return this.#scalings.get(application) ?? new Map()
  }
}
