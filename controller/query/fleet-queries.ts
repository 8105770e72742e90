/**
 * Answers questions out of the agents' stores: plans whom to ask, asks many at once, and puts together what comes. The agents are the source
 * of truth; the controller's window speaks for a host only while nobody who holds its samples can be asked, and says so.
 */

import { type QueryLimits, queryWindow } from '#controller/window/query.ts'
import type { SampleWindow } from '#controller/window/window.ts'
import { parseFunction } from '#protocol/aggregation/functions.ts'
import { alignedRange } from '#protocol/aggregation/windows.ts'
import { formatSeries } from '#protocol/metrics/series.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { Turns } from '#protocol/runtime/turns.ts'
import { hostIdOf, parseHostId } from '#protocol/subjects/subject.ts'
import { AnswerSize } from './answer-size.ts'
import { forEachAtOnce } from './at-once.ts'
import { rowsFromCopies } from './copies.ts'
import type { HolderDeps } from './holder.ts'
import { type Asking, HolderRows } from './holder-rows.ts'
import { type HostChoice, type PlannedHost, type PossibleHost, planHosts } from './plan.ts'
import type { Question } from './question.ts'
import { type Row, windowRow } from './rows.ts'

/** Hosts asked at once; a page of each may be in memory. */
const hostsAtOnceMax = 64
/** Hosts at once whose copies are asked for in a question; their clouds are asked as a whole. */
const goneAtOnceMax = 4
/** Questions worked on at once, and waiting; one more is refused with BUSY. */
const questionsAtOnceMax = 8
const questionsWaitingMax = 128

/** How to ask for less of a list of series: no stretch of time shortens it. */
const fewerNames = 'name fewer series with match=, host= or cloud='

export interface FleetQueriesOptions extends QueryLimits {
  /** How long a question may take, ms; hosts that have not answered by then are named. */
  readonly deadlineMs: number
}

export interface FleetQueriesDeps extends HolderDeps {
  readonly window: SampleWindow
  /** Every host that is known, present or not. */
  readonly hosts: () => Iterable<PossibleHost>
  readonly logger: Logger
}

/** The whole answer, by series name, then host. */
export interface FleetAnswer {
  readonly rows: readonly Row[]
  /** Hosts whose samples came from somebody who holds them. */
  readonly answered: number
  /** Hosts `T.C.H` for which the window spoke, or nobody. */
  readonly unanswered: readonly string[]
}

/** What became of questions, by host asked. */
export interface QueryCounters {
  readonly questions: number
  readonly answered: number
  readonly unanswered: number
  /** Answers that were not what was asked for. */
  readonly invalid: number
  readonly pages: number
  readonly bytes: number
}

type Counts = { -readonly [K in keyof QueryCounters]: QueryCounters[K] }

/** A question on its way, and how much it has got so far from all hosts. */
interface Progress {
  readonly asking: Asking
  readonly size: AnswerSize
  readonly copyTurns: Turns
}

export class FleetQueries {
  readonly #options: FleetQueriesOptions
  readonly #deps: FleetQueriesDeps
  readonly #turns = new Turns({ atOnceMax: questionsAtOnceMax, waitingMax: questionsWaitingMax })
  readonly #counters: Counts = { questions: 0, answered: 0, unanswered: 0, invalid: 0, pages: 0, bytes: 0 }
  readonly #holders: HolderRows

  constructor(options: FleetQueriesOptions, deps: FleetQueriesDeps) {
    this.#options = options
    this.#deps = deps
    this.#holders = new HolderRows(deps, this.#counters)
  }

  get counters(): QueryCounters {
    return this.#counters
  }

  /** The hosts a question goes to. Throws SELECTOR_INVALID. */
  plan(choice: HostChoice): PlannedHost[] {
    const known = [...this.#deps.hosts()]
    const ids = new Set(known.map(({ address }) => hostIdOf(address)))
    const strangers = [...this.#deps.window.hosts()].filter((id) => !ids.has(id))
    const offline = strangers.map((id): PossibleHost => ({ address: parseHostId(id), state: 'offline' }))
    return planHosts([...known, ...offline], choice)
  }

  /**
   * The answer of all chosen hosts, after the deadline at the latest.
   * @throws LanistaError ANSWER_TOO_LARGE, QUERY_TOO_LARGE, SELECTOR_INVALID, FUNCTION_UNKNOWN, STEP_INVALID, BUSY; the signal's
   * reason
   */
  async ask(question: Question, signal: AbortSignal): Promise<FleetAnswer> {
    if (question.function !== undefined) parseFunction(question.function)
    if (question.stepMs !== undefined) alignedRange(question.stepMs, 0, 0)
    this.#counters.questions++
    return await this.#turns.run(() => this.#ask(question, signal), signal)
  }

  async #ask(question: Question, asker: AbortSignal): Promise<FleetAnswer> {
    const failed = new AbortController()
    const signal = AbortSignal.any([asker, failed.signal])
    const endMs = this.#deps.clock.monotonic() + this.#options.deadlineMs
    const limits = this.#limitsOf(question)
    const progress: Progress = {
      asking: { question, signal, endMs, limits, silent: new Set() },
      size: new AnswerSize(limits),
      copyTurns: new Turns({ atOnceMax: goneAtOnceMax, waitingMax: hostsAtOnceMax }),
    }
    const rows: Row[] = []
    const unanswered: string[] = []
    const plan = this.plan(question)
    try {
      await forEachAtOnce(plan, hostsAtOnceMax, async (host) => {
        const answer = await this.#fromStores(host, progress)
        if (!answer) unanswered.push(hostIdOf(host.owner))
        for (const row of answer ?? this.#fromWindow(host, progress)) rows.push(row)
      })
    } catch (error) {
      failed.abort(error)
      throw error
    }
    this.#counters.answered += plan.length - unanswered.length
    this.#counters.unanswered += unanswered.length
    rows.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    return { rows, answered: plan.length - unanswered.length, unanswered: unanswered.sort() }
  }

  /** The rows of a host, its own or out of copies; undefined when nobody who has any answers. */
  async #fromStores(host: PlannedHost, { asking, size, copyTurns }: Progress): Promise<readonly Row[] | undefined> {
    for (const holder of host.hasLostStore ? [] : host.holders) {
      const rows = await this.#holders.ask({ owner: host.owner, holder }, asking, size)
      if (rows) return rows
    }
    return await copyTurns.run(() => rowsFromCopies(host, asking, size, this.#holders), asking.signal)
  }

  #limitsOf({ names }: Question): QueryLimits {
    return names ? { ...this.#options, advice: fewerNames } : this.#options
  }

  #fromWindow({ owner }: PlannedHost, progress: Progress): readonly Row[] {
    const { tenant, matches, fromMs, untilMs, last, names, function: functionName, stepMs } = progress.asking.question
    const range = names ? { last: true } : { fromMs, untilMs, last, function: functionName, stepMs }
    const question = { tenant, matches, host: hostIdOf(owner), ...range }
    const answers = queryWindow(this.#deps.window, question, progress.asking.limits)
    const samples = answers.reduce((sum, answer) => sum + (answer.samples?.length ?? 1), 0)
    progress.size.add(answers.length, samples)
    return answers.map((answer) => windowRow(answer, formatSeries(answer)))
  }
}
