/** Answers `control.query` and `control.store` out of the store. Intake goes first. */
import type { Bus } from '#broker/bus.ts'
import { isLanistaError, LanistaError, messageOf } from '#protocol/errors.ts'
import { parseQueryAsk } from '#protocol/query/ask.ts'
import { parseStoreAsk } from '#protocol/query/store-ask.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { OnceAMinute } from '#protocol/runtime/once-a-minute.ts'
import { Turns } from '#protocol/runtime/turns.ts'
import { type Address, hostIdOf, parseHostId, prefixOf } from '#protocol/subjects/subject.ts'
import { Answering } from '../answering.ts'
import type { HistoryStore } from '../store/store.ts'
import { fillPage, type PageFillerDeps } from './page-filler.ts'
import { answerStore } from './store-service.ts'

/** Pages made at once: while one waits for the disk another may compute. */
export const pagesAtOnceMax = 2
/** Pages that wait for their turn; one more is refused with BUSY. */
export const pagesWaitingMax = 64
/** Repairs are done one stretch at a time; so many more wait, the next is refused with BUSY. */
export const repairsWaitingMax = 4

export interface QueryServiceDeps {
  readonly bus: Pick<Bus, 'publish' | 'subscribe'>
  readonly store: Pick<
    HistoryStore,
    'read' | 'windows' | 'seriesCount' | 'seriesEntry' | 'report' | 'check' | 'repair' | 'dump'
  >
  readonly clock: Clock
  readonly logger: Logger
  /** What is held of another host of this cloud; undefined = nothing. */
  readonly copiesOf?: ((host: string) => Promise<PageFillerDeps['store'] | undefined> | undefined) | undefined
  /** Samples of other hosts that are held here; absent = none. */
  readonly heldSamples?: (() => number) | undefined
}

/** Answers since the start. */
export interface QueryCounters {
  readonly answered: number
  readonly refused: number
  /** Answers that could not be handed to the bus: the asker gets none. */
  readonly unsent: number
  /** Bytes of answers. */
  readonly bytes: number
}

type Counts = { -readonly [K in keyof QueryCounters]: QueryCounters[K] }

/** What an ask wants: its deadline, whose turns it takes, and how to answer it. */
interface Work {
  readonly turns: Turns
  readonly deadlineMs: number
  readonly answer: (signal: AbortSignal) => Promise<Uint8Array>
}

export class QueryService implements AsyncDisposable {
  readonly #address: Address
  readonly #owner: string
  readonly #deps: QueryServiceDeps
  readonly #turns = new Turns({ atOnceMax: pagesAtOnceMax, waitingMax: pagesWaitingMax })
  readonly #repairTurns = new Turns({ atOnceMax: 1, waitingMax: repairsWaitingMax })
  readonly #quiet: OnceAMinute
  readonly #closing = new AbortController()
  readonly #answering: Answering
  readonly #counters: Counts = { answered: 0, refused: 0, unsent: 0, bytes: 0 }

  constructor(options: { readonly address: Address }, deps: QueryServiceDeps) {
    this.#deps = deps
    this.#address = options.address
    this.#owner = hostIdOf(options.address)
    this.#quiet = new OnceAMinute(deps.clock)
    const own = prefixOf(options.address)
    this.#answering = new Answering({
      bus: deps.bus,
      logger: deps.logger,
      onSent: (bytes) => {
        this.#counters.bytes += bytes
      },
      onUnsent: () => {
        this.#counters.unsent++
      },
    })
    this.#answering.hear(`${own}.control.query.>`, (body) => this.#answer(() => this.#query(body)))
    this.#answering.hear(`${own}.control.store.>`, (body) => this.#answer(() => this.#store(body)))
  }

  get counters(): QueryCounters {
    return this.#counters
  }

  /** Hears no more, gives up what is being worked on. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort(new LanistaError('BUSY', 'ask later: the agent is stopping'))
    await this.#answering.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #answer(read: () => Work): Promise<Uint8Array> {
    try {
      const answer = await this.#work(read())
      this.#counters.answered++
      return answer
    } catch (error) {
      this.#counters.refused++
      throw this.#refusalOf(error)
    }
  }

  async #work({ turns, deadlineMs, answer }: Work): Promise<Uint8Array> {
    const late = new AbortController()
    const cancel = this.#deps.clock.after(deadlineMs, () => late.abort(tooSlow(deadlineMs)))
    const signal = AbortSignal.any([late.signal, this.#closing.signal])
    try {
      return await turns.run(() => answer(signal), signal)
    } finally {
      cancel()
    }
  }

  #query(body: Uint8Array): Work {
    const ask = parseQueryAsk(body)
    return {
      turns: this.#turns,
      deadlineMs: ask.deadlineMs,
      answer: async (signal) =>
        fillPage(ask, { store: await this.#holdingOf(ask.owner), clock: this.#deps.clock }, signal),
    }
  }

  /** The own store, or the copies of another host of this cloud. Throws NOT_HELD. */
  async #holdingOf(owner: string): Promise<PageFillerDeps['store']> {
    if (owner === this.#owner) return this.#deps.store
    const { tenant, cloud, host } = parseHostId(owner)
    const isNear = tenant === this.#address.tenant && cloud === this.#address.cloud
    const copies = isNear ? await this.#deps.copiesOf?.(host) : undefined
    if (copies) return copies
    throw new LanistaError('NOT_HELD', `ask another host: found samples of ${owner} asked of ${this.#owner}`)
  }

  #store(body: Uint8Array): Work {
    const ask = parseStoreAsk(body)
    const turns = ask.what === 'repair' ? this.#repairTurns : this.#turns
    return { turns, deadlineMs: ask.deadlineMs, answer: (signal) => answerStore(ask, this.#deps, signal) }
  }

  /** What is our own doing is logged and told without details. */
  #refusalOf(error: unknown): LanistaError {
    if (isLanistaError(error)) return error
    this.#quiet.pass('failed', (suppressed) =>
      this.#deps.logger.error({ error: messageOf(error), suppressed }, 'query_failed'),
    )
    return new LanistaError('QUERY_FAILED', `look into the log of ${this.#owner}: the query failed there`)
  }
}

function tooSlow(deadlineMs: number): LanistaError {
  return new LanistaError(
    'TOO_SLOW',
    `ask for less (fewer series, a shorter time), or a longer step: found no answer within ${deadlineMs} ms`,
  )
}
