import type { Bus } from '#broker/bus.ts'
import { isLanistaError } from '#protocol/errors.ts'
import { encodeJson, jsonBytesMax } from '#protocol/messages/json.ts'
import { type MonitorResult, monitorKey } from '#protocol/monitors/model.ts'
import type { ContextPlan } from '#protocol/monitors/plan.ts'
import { type Address, buildSubject } from '#protocol/subjects/subject.ts'
import { aggregatorOf } from '../ring/placement.ts'
import type { RingView } from '../ring/ring-view.ts'
import { placementKey } from './aggregator-core.ts'
import type { AggregateCounts } from './counts.ts'
import { notedResultsMax, type PartialName, type PublishedNote } from './peer-messages.ts'

/** A window that this agent published. */
export interface PublishedWindow extends PartialName {
  readonly revision: number
  readonly results: readonly MonitorResult[]
}

export interface SuccessorsDeps {
  readonly bus: Pick<Bus, 'publish'>
  readonly view: () => RingView
  readonly counts: AggregateCounts
}

/** Places in line that are told. */
const toldMax = 3
/** Of these, how many record the results, too: those that live, the next ones first. */
const keptMax = 2

/**
 * Tells those who are next in line for a monitor what was published of it, so that whoever takes over begins behind it: the first places of
 * the ring's order, whether they live or not by this agent's view, and the first that live. Two of them record it, too: what this agent
 * recorded in the moment before it dies is on no other disk yet.
 */
export class Successors {
  readonly #address: Address
  readonly #deps: SuccessorsDeps
  /** The newest note of each monitor. */
  readonly #notes = new Map<string, PublishedNote>()
  #plans = new Map<string, ContextPlan>()
  #sent = 0

  constructor(address: Address, deps: SuccessorsDeps) {
    this.#address = address
    this.#deps = deps
  }

  /** Takes these plans; what was published of monitors that are gone is forgotten. */
  select(plans: readonly ContextPlan[]): void {
    this.#plans = new Map(plans.map((plan) => [plan.application, plan]))
    for (const [key, { application, monitor }] of this.#notes) {
      const plan = this.#plans.get(application)
      if (!plan?.monitors.some((planned) => planned.monitor.name === monitor)) this.#notes.delete(key)
    }
  }

  /** Others that are, or would be, in line for a monitor; those that live first. */
  of(application: string, monitor: string): string[] {
    const planned = this.#plans.get(application)?.monitors.find((each) => each.monitor.name === monitor)
    if (planned === undefined) return []
    const key = placementKey(application, planned.group)
    const { ring, isLive } = this.#deps.view()
    const found = new Set<string>()
    for (const fits of [isLive, () => true]) {
      const skipped = new Set([this.#address.host])
      for (let place = 0; place < toldMax; place++) {
        const host = aggregatorOf(ring, key, (each) => fits(each) && !skipped.has(each))
        if (host === undefined) break
        skipped.add(host)
        found.add(host)
      }
    }
    return [...found]
  }

  /** A window was published. */
  tell({ application, monitor, windowEndMs, revision, results }: PublishedWindow, session: number): void {
    const parts = results.map(({ tags, value, known, expected }) => ({ tags, value, known, expected }))
    const fits = parts.length <= notedResultsMax
    const note = { application, monitor, windowEndMs, session, revision, results: fits ? parts : [] }
    const key = monitorKey(application, monitor)
    if (windowEndMs >= (this.#notes.get(key)?.windowEndMs ?? windowEndMs)) this.#notes.set(key, note)
    this.#send(note)
  }

  /** Others are in line now: tells them the newest of each monitor. */
  tellAgain(): void {
    for (const note of this.#notes.values()) this.#send(note)
  }

  #send(note: PublishedNote): void {
    const keepers = encodeNote({ ...note, isToKeep: true })
    const others = encodeNote(note)
    for (const [place, host] of this.of(note.application, note.monitor).entries()) {
      const body = place < keptMax ? keepers : others
      const id = (this.#sent++).toString(36)
      try {
        const subject = buildSubject({ ...this.#address, host }, 'ring', this.#address.host, 'published', id)
        this.#deps.bus.publish(subject, body)
      } catch (error) {
        if (!isLanistaError(error)) throw error
        this.#deps.counts.refuse('unsent')
      }
    }
  }
}

function encodeNote(note: PublishedNote): Uint8Array {
  const whole = encodeJson(note)
  return whole.length <= jsonBytesMax ? whole : encodeJson({ ...note, results: [] })
}
