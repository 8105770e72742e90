import type { Bus } from '#broker/bus.ts'
import { messageOf } from '#protocol/errors.ts'
import { encodeJson } from '#protocol/messages/json.ts'
import type { RingStatus } from '#protocol/query/ring-status.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { OnceAMinute } from '#protocol/runtime/once-a-minute.ts'
import { type Address, buildSubject } from '#protocol/subjects/subject.ts'
import type { RingReport } from './node.ts'
import type { Refusal } from './ring-message.ts'

export interface RingReportsDeps {
  readonly bus: Pick<Bus, 'publish' | 'state'>
  readonly clock: Clock
  readonly logger: Logger
}

/** Too few copies for this long is an alarm, ms. */
const alarmAfterMs = 60_000

/** Tells people what the ring has to say: in the log, as events, and as counters. */
export class RingReports {
  readonly #address: Address
  readonly #deps: RingReportsDeps
  readonly #quiet: OnceAMinute
  readonly #refused: Partial<Record<Refusal, number>> = {}
  #underSinceMs: number | undefined
  #hasAlarm = false

  constructor(address: Address, deps: RingReportsDeps) {
    this.#address = address
    this.#deps = deps
    this.#quiet = new OnceAMinute(deps.clock)
  }

  /** Messages not taken, by reason. */
  get refused(): Readonly<Partial<Record<Refusal, number>>> {
    return { ...this.#refused }
  }

  tell(report: RingReport): void {
    const { logger } = this.#deps
    switch (report.kind) {
      case 'refused':
        this.countRefused(report.reason)
        this.#quiet.pass(`${report.from} ${report.reason}`, (suppressed) =>
          logger.warn({ ...report, suppressed }, 'ring_refused'),
        )
        return
      case 'clone':
        this.#quiet.pass('clone', (suppressed) => {
          logger.error({ ...report, suppressed }, 'ring_clone')
          this.#publish({ alarm: 'clone', isOn: true, ...report })
        })
        return
      case 'handedOver':
        logger.info({}, 'ring_handed_over')
        return
      case 'member':
      case 'dropped':
        logger.info(report, `ring_${report.kind}`)
    }
  }

  /** The shared area is too small: the oldest copies of this owner go, and it has been told. An alarm at most once a minute. */
  evicting(owner: string): void {
    this.#quiet.pass('no_room', (suppressed) => {
      this.#deps.logger.warn({ owner, suppressed }, 'ring_no_room')
      this.#publish({ alarm: 'no_room', isOn: true, owner })
    })
  }

  countRefused(reason: Refusal): void {
    this.#refused[reason] = (this.#refused[reason] ?? 0) + 1
  }

  /** A message of this host that is none. */
  unreadable(from: string, reason: Refusal, found: string): void {
    this.countRefused(reason)
    this.#quiet.pass(`${from} invalid`, (suppressed) =>
      this.#deps.logger.warn({ from, error: found, suppressed }, 'ring_message_refused'),
    )
  }

  /** Work that waits for the disk has failed. */
  failed(what: string, error: unknown): void {
    this.#quiet.pass(what, (suppressed) =>
      this.#deps.logger.warn({ what, error: messageOf(error), suppressed }, 'ring_work_failed'),
    )
  }

  /** Raises and ends the alarm of too few copies, once it has lasted: a member that comes or goes is not at once one. Call each tick. */
  watch({ degree, copies, isUnderReplicated, members }: RingStatus, nowMs: number): void {
    if (!isUnderReplicated) this.#underSinceMs = undefined
    else this.#underSinceMs ??= nowMs
    const isAlarm = this.#underSinceMs !== undefined && nowMs - this.#underSinceMs >= alarmAfterMs
    if (isAlarm === this.#hasAlarm) return
    this.#hasAlarm = isAlarm
    const facts = { degree, copies, members: members.length + 1 }
    this.#deps.logger.info(facts, isAlarm ? 'ring_under_replicated' : 'ring_replicated')
    this.#publish({ alarm: 'under_replicated', isOn: isAlarm, ...facts })
  }

  #publish(event: object): void {
    const { bus, clock, logger } = this.#deps
    if (bus.state !== 'up') return
    try {
      bus.publish(buildSubject(this.#address, 'event', 'ring'), encodeJson({ t: clock.now(), ...event }))
    } catch (error) {
      logger.debug({ error: messageOf(error) }, 'ring_event_unsent')
    }
  }
}
