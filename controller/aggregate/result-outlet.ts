/** Everybody who is told of the results of all clouds: rules, subscribers of the bus, subscriptions, and an agent that keeps them. */
import type { Bus } from '#broker/bus.ts'
import type { ConditionResults } from '#controller/rules/condition-source.ts'
import type { ResultSink } from '#controller/rules/result-sink.ts'
import type { OfferedResult } from '#controller/subscriptions/reading.ts'
import { encodeJson } from '#protocol/messages/json.ts'
import { resultMessage } from '#protocol/messages/result.ts'
import { type MonitorResult, monitorMetric } from '#protocol/monitors/model.ts'
import type { Aggregator } from '#protocol/monitors/published.ts'
import { controllerHost, homeCloud, metricSubject } from '#protocol/subjects/subject.ts'

export interface ResultOutletDeps {
  readonly bus: Pick<Bus, 'publish'>
  readonly conditions: Pick<ConditionResults, 'tell'>
  readonly subscriptions: { offer(result: OfferedResult): void }
  readonly recorder: ResultSink
}

/** The results of one window of one monitor. */
export interface WindowResults {
  readonly application: string
  readonly monitor: string
  readonly windowEndMs: number
  readonly results: readonly MonitorResult[]
  readonly unit?: string | undefined
}

export class ResultOutlet {
  readonly #tenant: string
  readonly #self: Aggregator
  readonly #deps: ResultOutletDeps
  #notPublished = 0

  constructor(tenant: string, self: Aggregator, deps: ResultOutletDeps) {
    this.#tenant = tenant
    this.#self = self
    this.#deps = deps
  }

  /** Results that no subscriber of the bus heard: it was down, or their names do not fit into a subject. */
  get notPublished(): number {
    return this.#notPublished
  }

  /** Unknown values are told and published; stored is what is known. Never throws. */
  tell({ application, monitor, windowEndMs, results, unit }: WindowResults): void {
    const { conditions, subscriptions, recorder } = this.#deps
    const name = monitorMetric(application, monitor)
    for (const result of results) {
      this.#publish(name, result, unit)
      const series = { name, tags: result.tags }
      subscriptions.offer({ tenant: this.#tenant, series, unit, timestampMs: windowEndMs, value: result.value })
    }
    recorder.record(
      results.flatMap(({ tags, value }) =>
        value === null ? [] : [{ name, tags, timestampMs: windowEndMs, value, unit }],
      ),
    )
    conditions.tell(application, monitor, windowEndMs, results)
  }

  #publish(name: string, result: MonitorResult, unit: string | undefined): void {
    const address = { tenant: this.#tenant, cloud: homeCloud, host: controllerHost }
    try {
      const body = encodeJson(resultMessage(result, this.#self, unit))
      this.#deps.bus.publish(metricSubject(address, name), body)
    } catch {
      this.#notPublished++
    }
  }
}
