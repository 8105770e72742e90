/**
 * What agents say of their instances: asked at each birth, again each half minute and after each order, and told by events in between. An event
 * that is lost is made good by the next answer; who does not answer is asked again within seconds. What was said in an earlier session, or by a
 * host that is not there, is not known.
 */
import type { Bus, BusMessage } from '#broker/bus.ts'
import { every } from '#controller/every.ts'
import type { KnownHost } from '#controller/presence/presence-service.ts'
import { newId } from '#controller/query/holder.ts'
import { isLanistaError, messageOf } from '#protocol/errors.ts'
import {
  type InstancesReport,
  instanceEventSchema,
  instancesMax,
  instancesReportSchema,
} from '#protocol/instances/instance-report.ts'
import type { InstanceStatus } from '#protocol/instances/status.ts'
import { encodeJson, parseJson } from '#protocol/messages/json.ts'
import { parseJsonAnswer } from '#protocol/query/answer.ts'
import { backoffCeilingMs } from '#protocol/runtime/backoff.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { OnceAMinute } from '#protocol/runtime/once-a-minute.ts'
import { type Address, buildSubject, hostIdOf, parseSubject } from '#protocol/subjects/subject.ts'
import type { HostReport } from './fleet.ts'

export interface HostReportsDeps {
  readonly tenant: string
  readonly bus: Pick<Bus, 'request' | 'subscribe'>
  readonly clock: Clock
  readonly logger: Logger
  readonly hosts: () => Iterable<KnownHost>
  /** Something was said that was not known. It must not throw. */
  readonly onChange: () => void
}

interface Said {
  readonly session: number
  report?: Omit<HostReport, 'statuses'> | undefined
  readonly statuses: Map<string, InstanceStatus>
  /** Instances that events spoke of since the question that is under way. */
  readonly told: Set<string>
  isAsking: boolean
  /** Questions in a row that were not answered. */
  misses: number
  /** Monotonic ms of the next question. */
  askAtMs: number
}

const lookMs = 500
const againMs = 30_000
const deadlineMs = 3_000
/** Who did not answer is asked again after this, and later each time. */
const missed = { baseMs: 1000, capMs: againMs } as const
/** Hosts asked at once; the others are asked in the next look. */
const atOnceMax = 64

export class HostReports {
  readonly #deps: HostReportsDeps
  readonly #said = new Map<string, Said>()
  readonly #stop = new AbortController()
  readonly #quiet: OnceAMinute
  readonly #stops: (() => void)[]
  #asking = 0

  private constructor(deps: HostReportsDeps) {
    this.#deps = deps
    this.#quiet = new OnceAMinute(deps.clock)
    const subscription = deps.bus.subscribe(`lanista.${deps.tenant}.*.*.event.instance`, (message) =>
      this.#hear(message),
    )
    this.#stops = [() => subscription.close(), every(deps.clock, lookMs, () => this.#look())]
  }

  /** Listens and asks from now on. */
  static start(deps: HostReportsDeps): HostReports {
    return new HostReports(deps)
  }

  /** What the host said in this session; undefined = nothing, or its agent is not there. */
  reportOf(host: string, session: number): HostReport | undefined {
    const said = this.#said.get(host)
    return said?.report && said.session === session ? { ...said.report, statuses: said.statuses } : undefined
  }

  /** Asks a host again as soon as may be: something was done there. */
  askSoon(host: string): void {
    const said = this.#said.get(host)
    if (!said) return
    said.askAtMs = this.#deps.clock.monotonic()
    this.#look()
  }

  /** Asks and hears no more. Idempotent. */
  close(): void {
    for (const stop of this.#stops.splice(0)) stop()
    this.#stop.abort()
  }

  #look(): void {
    const nowMs = this.#deps.clock.monotonic()
    const present = new Set<string>()
    for (const { record, presence } of this.#deps.hosts()) {
      if (record.address.tenant !== this.#deps.tenant) continue
      const { session, isBorn, state } = presence
      if (!isBorn || (state !== 'online' && state !== 'suspect')) continue
      const id = hostIdOf(record.address)
      present.add(id)
      const said = this.#saidBy(id, session, nowMs)
      if (!said.isAsking && said.askAtMs <= nowMs && this.#asking < atOnceMax) void this.#ask(record.address, said)
    }
    for (const id of this.#said.keys()) {
      if (present.has(id)) continue
      this.#said.delete(id)
      this.#deps.onChange()
    }
  }

  #saidBy(id: string, session: number, nowMs: number): Said {
    const known = this.#said.get(id)
    if (known?.session === session) return known
    const said: Said = { session, statuses: new Map(), told: new Set(), isAsking: false, misses: 0, askAtMs: nowMs }
    this.#said.set(id, said)
    this.#deps.onChange()
    return said
  }

  async #ask(address: Address, said: Said): Promise<void> {
    const { bus, clock, logger, onChange } = this.#deps
    this.#asking++
    said.isAsking = true
    said.askAtMs = clock.monotonic() + againMs
    said.told.clear()
    try {
      const subject = buildSubject(address, 'control', 'instances', newId())
      const answer = await bus.request(subject, encodeJson({}), { signal: this.#stop.signal, deadlineMs })
      this.#take(said, parseJsonAnswer(answer, instancesReportSchema, 'report of instances'))
      said.misses = 0
      onChange()
    } catch (error) {
      said.askAtMs = Math.min(said.askAtMs, clock.monotonic() + backoffCeilingMs(said.misses++, missed))
      // who does not take instances does not answer, either: nothing is placed there
      this.#quiet.pass(hostIdOf(address), () =>
        logger.debug({ host: hostIdOf(address), error: messageOf(error) }, 'instances_not_reported'),
      )
    } finally {
      said.isAsking = false
      this.#asking--
    }
  }

  /** What an event said meanwhile is newer than the answer. */
  #take(said: Said, { session, instances, ...report }: InstancesReport): void {
    if (session < said.session) return
    for (const id of said.statuses.keys()) if (!said.told.has(id)) said.statuses.delete(id)
    for (const status of instances) if (!said.told.has(status.id)) said.statuses.set(status.id, status)
    said.report = report
  }

  #hear({ subject, body }: BusMessage): void {
    const host = hostIdOf(parseSubject(subject).address)
    try {
      const { instance } = parseJson(body, instanceEventSchema, 'event of an instance')
      const said = this.#said.get(host)
      if (!said || (said.statuses.size >= instancesMax && !said.statuses.has(instance.id))) return
      said.told.add(instance.id)
      if (instance.state === 'removed') said.statuses.delete(instance.id)
      else said.statuses.set(instance.id, instance)
      this.#deps.onChange()
    } catch (error) {
      if (!isLanistaError(error, 'MESSAGE_INVALID')) throw error
      this.#quiet.pass(`event ${host}`, (suppressed) =>
        this.#deps.logger.warn({ host, suppressed, error: error.message }, 'instance_event_malformed'),
      )
    }
  }
}
