/** Asks the stores of agents about themselves: their sizes, whether they can be read. */
import type * as z from 'zod/mini'
import { isLanistaError } from '#protocol/errors.ts'
import { parseJsonAnswer } from '#protocol/query/answer.ts'
import {
  addSizes,
  encodeStoreAsk,
  type StoreAsk,
  type StoreCheck,
  type StoreSizes,
  storeCheckSchema,
  storeSizesSchema,
} from '#protocol/query/store-ask.ts'
import { type Address, buildSubject, hostIdOf } from '#protocol/subjects/subject.ts'
import { forEachAtOnce } from './at-once.ts'
import { type HolderDeps, newId } from './holder.ts'
import type { HostChoice, PlannedHost } from './plan.ts'

/** Stores asked at once. */
const storesAtOnceMax = 64
/** Sizes are measured in a moment; a check reads everything. Both in ms. */
const reportDeadlineMs = 5_000
const checkDeadlineMs = 25_000

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

  async #ask<T>(choice: HostChoice, ask: StoreAsk, schema: z.ZodMiniType<T>, signal: AbortSignal): Promise<OfHosts<T>> {
    const found: OfHost<T>[] = []
    const unanswered: string[] = []
    await forEachAtOnce(this.#deps.plan(choice), storesAtOnceMax, async ({ owner, holders }) => {
      const value = holders.length === 0 ? undefined : await this.#askOne(owner, ask, schema, signal)
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
    const subject = buildSubject(host, 'control', 'store', newId())
    try {
      const answer = await this.#deps.bus.request(subject, encodeStoreAsk(ask), { signal, deadlineMs: ask.deadlineMs })
      return parseJsonAnswer(answer, schema, ask.what)
    } catch (error) {
      if (signal.aborted || !isLanistaError(error)) throw error
      return undefined
    }
  }
}
