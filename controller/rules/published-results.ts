/** Results of the controller's own as metrics on the bus: `lanista.T._home._controller.metric.<name>`. */
import type { Bus } from '#broker/bus.ts'
import { messageOf } from '#protocol/errors.ts'
import { encodeJson } from '#protocol/messages/json.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { OnceAMinute } from '#protocol/runtime/once-a-minute.ts'
import { type Address, controllerHost, homeCloud, metricSubject } from '#protocol/subjects/subject.ts'
import type { ResultSample, ResultSink } from './result-sink.ts'

export interface PublishedResultsDeps {
  readonly bus: Pick<Bus, 'publish' | 'state'>
  readonly clock: Pick<Clock, 'monotonic'>
  readonly logger: Logger
}

/** Publishes what it is given; what the bus does not take is counted and gone. */
export class PublishedResults implements ResultSink {
  readonly #address: Address
  readonly #deps: PublishedResultsDeps
  readonly #logged: OnceAMinute
  #notPublished = 0

  constructor(tenant: string, deps: PublishedResultsDeps) {
    this.#address = { tenant, cloud: homeCloud, host: controllerHost }
    this.#deps = deps
    this.#logged = new OnceAMinute(deps.clock)
  }

  get notPublished(): number {
    return this.#notPublished
  }

  record(samples: readonly ResultSample[]): void {
    for (const { name, tags, timestampMs, value, unit } of samples) {
      try {
        this.#deps.bus.publish(metricSubject(this.#address, name), encodeJson({ t: timestampMs, v: value, unit, tags }))
      } catch (error) {
        this.#notPublished++
        this.#logged.pass('publish', (suppressed) =>
          this.#deps.logger.debug({ name, suppressed, error: messageOf(error) }, 'result_not_published'),
        )
      }
    }
  }
}
