/** Where somebody asks this host to leave for good: the controller by `control.leave`, or a person on the host through a file. */
import type { Bus } from '#broker/bus.ts'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import { type LeaveAsk, type LeaveReport, type OwnerSamples, parseLeaveAsk } from '#protocol/messages/leave.ts'
import { encodeJsonAnswer } from '#protocol/query/answer.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { unlessAborted } from '#protocol/runtime/unless-aborted.ts'
import { type Address, prefixOf } from '#protocol/subjects/subject.ts'
import { Answering } from '../answering.ts'

/** What this host does to leave. */
export interface Departure {
  /** Is there anybody who could take over? */
  readonly hasHeirs: boolean
  /** What not all have who are to keep it. */
  readonly toHandOver: readonly OwnerSamples[]
  /** Takes nothing more in; resolves when all is handed over, rejects with the signal's reason. */
  handOver(signal: AbortSignal): Promise<void>
}

export interface LeaveDeskDeps {
  readonly bus: Pick<Bus, 'publish' | 'subscribe'>
  readonly departure: Departure
  readonly clock: Clock
  readonly logger: Logger
}

/** Asks that wait for the outcome at once; more are refused with BUSY. */
export const leaveAsksMax = 16

export class LeaveDesk {
  /** Resolves with `left` or `stayed` when this host was asked to leave and is done with it: the agent is to end. Never rejects. */
  readonly outcome: Promise<LeaveReport>
  readonly #deps: LeaveDeskDeps
  readonly #answering: Answering
  readonly #deadline = new AbortController()
  readonly #closing = new AbortController()
  #decide: (outcome: LeaveReport) => void = () => {}
  #leaving: Promise<void> | undefined
  #isForced = false
  #hasLeft = false
  #endAtMs = Number.POSITIVE_INFINITY
  #cancelEnd: (() => void) | undefined

  constructor(options: { readonly address: Address }, deps: LeaveDeskDeps) {
    this.#deps = deps
    this.outcome = new Promise((resolve) => {
      this.#decide = resolve
    })
    this.#answering = new Answering(deps)
    const pattern = `${prefixOf(options.address)}.control.leave.>`
    this.#answering.hear(pattern, async (body) => encodeJsonAnswer(await this.ask(parseLeaveAsk(body))))
  }

  /** Left for good: what is said last says so. */
  get hasLeft(): boolean {
    return this.#hasLeft
  }

  /**
   * Begins to leave, or joins who has begun, and answers with the outcome, or after `waitMs` with how far it is.
   * @throws LanistaError LEAVE_REFUSED: nobody is there to hand over to, nothing was done; BUSY
   */
  async ask(ask: LeaveAsk): Promise<LeaveReport> {
    const { clock, departure } = this.#deps
    if (!this.#leaving && !departure.hasHeirs && !ask.isForced) throw nobodyThere()
    if (this.#answering.open >= leaveAsksMax)
      throw new LanistaError('BUSY', 'ask later: too many wait for this host to leave')
    this.#isForced ||= ask.isForced
    this.#endAfter(departure.hasHeirs ? ask.deadlineMs : 0)
    this.#leaving ??= this.#leave()
    const late = new AbortController()
    const cancel = clock.after(ask.waitMs, () => late.abort())
    try {
      return await unlessAborted(this.outcome, AbortSignal.any([late.signal, this.#closing.signal]))
    } catch {
      return { state: 'leaving', toHandOver: departure.toHandOver }
    } finally {
      cancel()
    }
  }

  /** Hears no more; those that wait are told how far it is. Idempotent. */
  async close(): Promise<void> {
    const answered = this.#answering.close()
    this.#cancelEnd?.()
    this.#closing.abort()
    this.#deadline.abort(new LanistaError('ABORTED', 'stop leaving: the agent is stopping'))
    await Promise.all([this.#leaving, answered])
  }

  #endAfter(deadlineMs: number): void {
    const { clock } = this.#deps
    const endAtMs = clock.monotonic() + deadlineMs
    if (endAtMs >= this.#endAtMs) return
    this.#endAtMs = endAtMs
    this.#cancelEnd?.()
    this.#cancelEnd = clock.after(deadlineMs, () =>
      this.#deadline.abort(new LanistaError('ABORTED', 'stop leaving: the time to hand over is up')),
    )
  }

  async #leave(): Promise<void> {
    const { departure, logger } = this.#deps
    logger.info({ deadlineMs: Math.round(this.#endAtMs - this.#deps.clock.monotonic()) }, 'leaving')
    try {
      const { signal } = this.#deadline
      await unlessAborted(departure.handOver(signal), signal)
      this.#end([], true)
    } catch (error) {
      const { toHandOver } = departure
      logger.warn({ error: messageOf(error), toHandOver, isForced: this.#isForced }, 'not_handed_over')
      // cut short by an agent that stops, it is not leaving any more
      this.#end(toHandOver, this.#isForced && !this.#closing.signal.aborted)
    }
  }

  #end(toHandOver: readonly OwnerSamples[], hasLeft: boolean): void {
    this.#hasLeft = hasLeft
    this.#decide({ state: hasLeft ? 'left' : 'stayed', toHandOver })
  }
}

function nobodyThere(): LanistaError {
  return new LanistaError(
    'LEAVE_REFUSED',
    'start another host of this cloud, or force it: found nobody who could take over what is here',
  )
}
