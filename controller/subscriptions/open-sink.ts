import type { Bus } from '#broker/bus.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { busSink } from './bus-sink.ts'
import { carbonSink } from './carbon-sink.ts'
import { influxSink, remoteWriteSink, webhookSink } from './http-sinks.ts'
import type { Sink } from './sink.ts'
import { type Subscription, subscriptionId } from './subscription.ts'

export interface SinkDeps {
  readonly bus: Pick<Bus, 'publish'>
  readonly clock: Pick<Clock, 'now'>
}

/** The sink of a subscription; it connects when there is something to deliver. */
export function openSink(tenant: string, subscription: Subscription, { bus, clock }: SinkDeps): Sink {
  const { sink, secret } = subscription
  switch (sink.kind) {
    case 'bus':
      return busSink(sink, tenant, bus)
    case 'webhook':
      return webhookSink(sink, subscriptionId(subscription), secret, clock)
    case 'carbon':
      return carbonSink(sink)
    case 'influx':
      return influxSink(sink, secret, clock)
    case 'remoteWrite':
      return remoteWriteSink(sink, secret, clock)
  }
}
