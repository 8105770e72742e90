/** Hears the partials of the monitors that are merged here: one subscription each, or one for all of the cloud where they are many. */
import type { Bus, BusMessage } from '#broker/bus.ts'

/** A monitor by its names. */
export interface MonitorName {
  readonly application: string
  readonly monitor: string
}

/** Monitors heard one by one at most: a client has 256 subscriptions on either broker. Beyond it all partials of the cloud come. */
export const heardSinglyMax = 64

/** Words of monitors that were not named may come, too: whoever hears them looks. */
export class PartialListener {
  readonly #prefix: string
  readonly #bus: Pick<Bus, 'subscribe'>
  readonly #onPartial: (message: BusMessage) => void
  /** By pattern. */
  readonly #listening = new Map<string, { close(): void }>()

  /** @param prefix all hosts of the cloud, such as `lanista.acme.c1.*` */
  constructor(prefix: string, bus: Pick<Bus, 'subscribe'>, onPartial: (message: BusMessage) => void) {
    this.#prefix = prefix
    this.#bus = bus
    this.#onPartial = onPartial
  }

  /** Hears these from now on; what was not heard before begins here. */
  select(monitors: readonly MonitorName[]): void {
    const names =
      monitors.length > heardSinglyMax ? ['>'] : monitors.map(({ application, monitor }) => `${application}.${monitor}`)
    const wanted = new Set(names.map((name) => `${this.#prefix}.partial.${name}`))
    for (const [pattern, subscription] of this.#listening) {
      if (wanted.has(pattern)) continue
      subscription.close()
      this.#listening.delete(pattern)
    }
    for (const pattern of wanted) {
      if (this.#listening.has(pattern)) continue
      this.#listening.set(
        pattern,
        this.#bus.subscribe(pattern, (message) => this.#onPartial(message)),
      )
    }
  }

  /** Idempotent. */
  close(): void {
    this.select([])
  }
}
