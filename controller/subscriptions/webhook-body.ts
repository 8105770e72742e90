import type { Reading } from './reading.ts'

/** A reading with its place in the order of its subscription. */
export interface Numbered extends Reading {
  /** `<session of the controller>.<start of the subscription>-<count>`, the count going up by one with each reading that passed, sent or dropped. */
  readonly id: string
}

/**
 * `[{id, timestamp, data}]`, the seed's form (`seed-systems.md` §3.5). A batch is sent again until it is answered, under the same ids:
 * a receiver drops what it has seen, and takes a gap in the count for readings that were dropped.
 */
export function webhookBody(subscription: string, readings: readonly Numbered[]): string {
  return JSON.stringify(
    readings.map(({ id, timestampMs, value, source: { series, tenant, cloud, host, scope, unit } }) => ({
      id,
      timestamp: timestampMs,
      data: { subscription, metric: series.name, tags: series.tags, tenant, cloud, host, scope, unit, value },
    })),
  )
}
