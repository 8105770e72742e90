/** Asks the stores of agents about themselves: their sizes, whether they can be read, what lies where; and for their own upkeep. */
import type * as z from 'zod/mini'
import { isLanistaError, LanistaError } from '#protocol/errors.ts'
import { parseJsonAnswer } from '#protocol/query/answer.ts'
import {
  addRepairs,
  addSizes,
  encodeStoreAsk,
  type StoreAsk,
  type StoreCheck,
  type StoreRepair,
  type StoreSizes,
  storeCheckSchema,
  storeRepairSchema,
  storeSizesSchema,
} from '#protocol/query/store-ask.ts'
import { type DumpEntry, dumpPageSchema } from '#protocol/query/store-dump.ts'
import { isBehind } from '#protocol/query/store-place.ts'
import { type Address, buildSubject, hostIdOf } from '#protocol/subjects/subject.ts'
import { forEachAtOnce } from './at-once.ts'
import { type HolderDeps, newId } from './holder.ts'
import type { HostChoice, PlannedHost } from './plan.ts'

/** Stores asked at once. */
const storesAtOnceMax = 64
/** Sizes are measured in a moment; a check reads everything. Both in ms. */
const reportDeadlineMs = 5_000
const checkDeadlineMs = 25_000
/** One stretch of a repair ends after 2 s of work and a day of samples; a page of a dump after one. Both in ms. */
const repairDeadlineMs = 60_000
const dumpDeadlineMs = 10_000
/** How long after the beginning of a repair a stretch may begin, ms; stores that have more to read say so. */
export const repairMs = 180_000

export interface StoreQueriesDeps extends HolderDeps {
  /** The hosts of a choice. Throws SELECTOR_INVALID. */
  readonly plan: (choice: HostChoice) => readonly PlannedHost[]
}

/** What one store said of itself. */
export interface OfHost<T> {
  readonly owner: Address
  readonly value: T
}

/** What all stores said that answered, and the hosts `T.C.H` that did not. */
export interface OfHosts<T> {
  readonly found: readonly OfHost<T>[]
  readonly unanswered: readonly string[]
}

export class StoreQueries {
  readonly #deps: StoreQueriesDeps

  constructor(deps: StoreQueriesDeps) {
    this.#deps = deps
  }

  /** The sizes of the chosen stores together. Throws SELECTOR_INVALID; the signal's reason. */
  async sizes(choice: HostChoice, signal: AbortSignal): Promise<OfHosts<StoreSizes> & { readonly sum: StoreSizes }> {
    const ask: StoreAsk = { what: 'report', deadlineMs: reportDeadlineMs }
    const answers = await this.#ask(choice, ask, storeSizesSchema, signal)
    return { ...answers, sum: addSizes(answers.found.map(({ value }) => value)) }
  }

  /** Lets the chosen stores read all they have. Throws SELECTOR_INVALID; the signal's reason. */
  check(choice: HostChoice, signal: AbortSignal): Promise<OfHosts<StoreCheck>> {
    return this.#ask(choice, { what: 'check', deadlineMs: checkDeadlineMs }, storeCheckSchema, signal)
  }

  /**
   * Lets the chosen stores put aside what cannot be read, stretch by stretch. A store with `next` was not done in time, or its agent
   * stopped answering. Throws SELECTOR_INVALID; the signal's reason.
   */
  repair(choice: HostChoice, signal: AbortSignal): Promise<OfHosts<StoreRepair>> {
    const endMs = this.#deps.clock.monotonic() + repairMs
    return this.#each(choice, (owner) => this.#repairOne(owner, endMs, signal))
  }

  /**
   * Everything that lies in the store of one host, page by page.
   * @throws LanistaError what the host refused with, MESSAGE_INVALID, PAGE_INVALID, TIMED_OUT, NO_ONE_THERE …; the signal's reason
   */
  async *dump(host: Address, signal: AbortSignal): AsyncGenerator<readonly DumpEntry[]> {
    let after: string | undefined
    do {
      const ask: StoreAsk = { what: 'dump', after, deadlineMs: dumpDeadlineMs }
      const { entries, next } = await this.#send(host, ask, dumpPageSchema, signal)
      yield entries
      mustAdvance(next, after)
      after = next
    } while (after !== undefined)
  }

  async #repairOne(host: Address, endMs: number, signal: AbortSignal): Promise<StoreRepair | undefined> {
    let all: StoreRepair | undefined
    do {
      const after = all?.next
      const ask: StoreAsk = { what: 'repair', after, deadlineMs: repairDeadlineMs }
      const stretch = await this.#askOne(host, ask, storeRepairSchema, signal)
      if (!stretch || (after !== undefined && stretch.next !== undefined && !isBehind(stretch.next, after))) return all
      all = all ? addRepairs(all, stretch) : stretch
    } while (all.next !== undefined && this.#deps.clock.monotonic() < endMs)
    return all
  }

  #ask<T>(choice: HostChoice, ask: StoreAsk, schema: z.ZodMiniType<T>, signal: AbortSignal): Promise<OfHosts<T>> {
    return this.#each(choice, (owner) => this.#askOne(owner, ask, schema, signal))
  }

  async #each<T>(choice: HostChoice, askOne: (owner: Address) => Promise<T | undefined>): Promise<OfHosts<T>> {
    const found: OfHost<T>[] = []
    const unanswered: string[] = []
    await forEachAtOnce(this.#deps.plan(choice), storesAtOnceMax, async ({ owner, holders }) => {
      const value = holders.length === 0 ? undefined : await askOne(owner)
      if (value === undefined) unanswered.push(hostIdOf(owner))
      else found.push({ owner, value })
    })
    found.sort((a, b) => (hostIdOf(a.owner) < hostIdOf(b.owner) ? -1 : 1))
    return { found, unanswered: unanswered.sort() }
  }

  /** Undefined when the host does not answer, or with something else. */
  async #askOne<T>(
    host: Address,
    ask: StoreAsk,
    schema: z.ZodMiniType<T>,
    signal: AbortSignal,
  ): Promise<T | undefined> {
    try {
      return await this.#send(host, ask, schema, signal)
    } catch (error) {
      if (signal.aborted || !isLanistaError(error)) throw error
      return undefined
    }
  }

  async #send<T>(host: Address, ask: StoreAsk, schema: z.ZodMiniType<T>, signal: AbortSignal): Promise<T> {
    const subject = buildSubject(host, 'control', 'store', newId())
    const answer = await this.#deps.bus.request(subject, encodeStoreAsk(ask), { signal, deadlineMs: ask.deadlineMs })
    return parseJsonAnswer(answer, schema, ask.what)
  }
}

/** Agents are not believed: an answer that goes round in circles would never end. */
function mustAdvance(next: string | undefined, after: string | undefined): void {
  if (next === undefined || after === undefined || isBehind(next, after)) return
  throw new LanistaError('PAGE_INVALID', 'refuse the dump: found a place that stands still, expected one behind it')
}
