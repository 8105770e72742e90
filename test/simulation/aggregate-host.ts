import { AggregatorCore } from '#agent/aggregate/aggregator-core.ts'
import type { Ring } from '#agent/ring/placement.ts'
import { type SampleSpan, spanBetween, spanOf } from '#protocol/aggregation/span.ts'
import { type KnownInstance, SeriesBinding } from '#protocol/monitors/binding.ts'
import { evaluateHost, type MonitorPartial } from '#protocol/monitors/host-evaluation.ts'
import type { ContextPlan } from '#protocol/monitors/plan.ts'
import { ResultHistory } from '#protocol/monitors/result-history.ts'
import type { WindowName } from '#protocol/monitors/wide-core.ts'
import type { InputReader } from '#protocol/monitors/window-evaluation.ts'
import { WindowSchedule } from '#protocol/monitors/window-schedule.ts'

const scheduleKey = (every: number, delay: number): string => `${every} ${delay}`

/** What the aggregation needs of an agent: samples on a disk that lasts, and a process that does not. */
export class AggregateHost {
  readonly cloud: string
  readonly host: string
  readonly #plan: ContextPlan
  readonly #pairs = new Map<string, [number, number][]>()
  readonly #spans = new Map<string, SampleSpan>()
  readonly #binding: SeriesBinding
  readonly #results: ResultHistory
  #schedule = new WindowSchedule()
  /** Who was there when the ring was last looked at. */
  #seen = ''
  readonly gone: KnownInstance[] = []
  /** The process, while it runs. */
  core: AggregatorCore | undefined
  session = 0
  /** How far its wall clock is off, ms. */
  skewMs = 0

  constructor(cloud: string, host: string, plan: ContextPlan) {
    this.cloud = cloud
    this.host = host
    this.#plan = plan
    this.#binding = new SeriesBinding({ cloud, host })
    this.#binding.select([plan])
    this.#results = new ResultHistory(3_600_000)
  }

  get isRunning(): boolean {
    return this.core !== undefined
  }

  start(nowMs: number): void {
    this.session++
    this.#seen = ''
    this.core = new AggregatorCore({ cloud: this.cloud, self: { host: this.host, session: this.session } })
    this.core.step({ kind: 'plans', plans: [this.#plan] }, nowMs)
    this.#schedule = new WindowSchedule()
    const timings = this.#plan.monitors.map(({ monitor: { everyMs }, closesMs }) => [everyMs, closesMs.host] as const)
    this.#schedule.set(
      new Map(timings.map(([everyMs, delayMs]) => [scheduleKey(everyMs, delayMs), { everyMs, delayMs }])),
      nowMs,
    )
  }

  kill(): void {
    this.core = undefined
  }

  /** Tells the process who is there. */
  see(ring: Ring, isLive: (host: string) => boolean, members: readonly string[], nowMs: number): void {
    const seen = `${ring.hosts.filter(isLive).join(' ')} of ${ring.hosts.length} of ${members.length}`
    if (seen === this.#seen) return
    this.#seen = seen
    this.core?.step({ kind: 'ring', ring, isLive, members }, nowMs)
  }

  measure(name: string, instance: string, atMs: number, value: number): void {
    const text = `${name};component=web;instance=${instance}`
    const pairs = this.#pairs.get(text) ?? []
    this.#pairs.set(text, pairs)
    const at = pairs.findLastIndex(([before]) => before <= atMs)
    if (pairs[at]?.[0] === atMs) pairs[at] = [atMs, value]
    else pairs.splice(at + 1, 0, [atMs, value])
    this.#spans.delete(text)
    this.#binding.seriesSeen({ text, name, tags: { component: 'web', instance }, firstMs: atMs, newestMs: atMs })
  }

  /** An instance was there and is no more. */
  instanceGone(instance: string, goneMs: number): void {
    const gone = { application: this.#plan.application, component: 'web', instance, sinceMs: 0, goneMs }
    this.gone.push(gone)
    this.#binding.instanceSeen(gone)
  }

  /** All samples, as the judge in the end has them. */
  get samples(): { series: { name: string; tags: Record<string, string> }; span: SampleSpan }[] {
    return [...this.#pairs].map(([text, pairs]) => {
      const [name = '', , instance = ''] = text.split(/;(?:component|instance)=/)
      return { series: { name, tags: { component: 'web', instance } }, span: spanOf(pairs) }
    })
  }

  /** The windows that are due by its own clock. */
  evaluateDue(nowMs: number): MonitorPartial[] {
    return this.#schedule.due(nowMs).flatMap(({ key, windowEndMs }) => {
      const evaluated = evaluateHost(
        this.#plan,
        windowEndMs,
        this.#reader,
        this,
        ({ monitor, closesMs }) => scheduleKey(monitor.everyMs, closesMs.host) === key,
      )
      for (const result of evaluated.results) this.#results.add(result)
      return evaluated.partials
    })
  }

  /** One window computed again from what is stored, by whoever holds it. */
  answer({ monitor, windowEndMs }: WindowName): MonitorPartial | undefined {
    return evaluateHost(this.#plan, windowEndMs, this.#reader, this).partials.find((each) => each.monitor === monitor)
  }

  get #reader(): InputReader {
    return {
      series: (of, filter, windowEndMs) =>
        this.#binding.bound(this.#plan.application, of, filter, windowEndMs).map(({ text, tags }) => ({
          tags,
          read: (fromMs, beforeMs) => spanBetween(this.#spanOf(text), fromMs, beforeMs),
        })),
      results: (monitor, windowEndMs) => this.#results.inputs(monitor, windowEndMs),
    }
  }

  #spanOf(text: string): SampleSpan {
    const known = this.#spans.get(text)
    if (known !== undefined) return known
    const span = spanOf(this.#pairs.get(text) ?? [])
    this.#spans.set(text, span)
    return span
  }
}
