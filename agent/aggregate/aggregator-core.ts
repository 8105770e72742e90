/**
 * One agent's duties for its cloud: of all monitors that need the whole cloud, those the ring assigns to it. Pure; what closes a window, is
 * asked for and published again is `#protocol/monitors/wide-core.ts`'s to decide. When an agent dies the ring names another for its
 * monitors, which begins with the first window that nobody published.
 */
import type { Aggregator } from '#protocol/monitors/published.ts'
import { type PartialRefusal, type WideAction, WideCore, type WideEvent } from '#protocol/monitors/wide-core.ts'
import { aggregatorOf, type Ring } from '../ring/placement.ts'

export interface AggregatorOptions {
  readonly cloud: string
  /** This agent, in this life. */
  readonly self: Aggregator
  /** See `WideOptions`. */
  readonly answerMs?: number | undefined
  readonly askEveryMs?: number | undefined
}

export type AggregatorEvent =
  | Exclude<WideEvent, { kind: 'members' | 'assigned' }>
  /** Somebody came, fell silent, returned, left. */
  | {
      readonly kind: 'ring'
      readonly ring: Ring
      readonly isLive: (host: string) => boolean
      /** Hosts that have neither left nor been removed, also those that are silent for so long that the ring does without them. */
      readonly members: readonly string[]
    }

/** Bounded by the monitors of the tenant, the members of the cloud and `windowsKept`. */
export class AggregatorCore {
  readonly #core: WideCore
  readonly #host: string

  constructor(options: AggregatorOptions) {
    this.#core = new WideCore({ ...options, scope: 'cloud' })
    this.#host = options.self.host
  }

  /** Partials refused, ever, by reason. */
  get refused(): ReadonlyMap<PartialRefusal, number> {
    return this.#core.refused
  }

  /** Applications and monitors computed by this agent now, to subscribe to the partials of. */
  get monitors(): { readonly application: string; readonly monitor: string }[] {
    return [...this.#core.computed()].map(({ application, planned }) => ({
      application,
      monitor: planned.monitor.name,
    }))
  }

  /** True for a monitor of `monitors`: its partials are worth decoding. */
  computes(application: string, monitor: string): boolean {
    return this.#core.computes(application, monitor)
  }

  /** @param nowMs epoch ms */
  step(event: AggregatorEvent, nowMs: number): WideAction[] {
    if (event.kind !== 'ring') return this.#core.step(event, nowMs)
    const { ring, isLive, members } = event
    const isMine = (application: string, group: string): boolean =>
      aggregatorOf(ring, placementKey(application, group), isLive) === this.#host
    return [
      ...this.#core.step({ kind: 'members', members }, nowMs),
      ...this.#core.step({ kind: 'assigned', isMine }, nowMs),
    ]
  }
}

/** What the ring places: the monitors of one group have one aggregator. */
export function placementKey(application: string, group: string): string {
  return `${application}.${group}`
}
