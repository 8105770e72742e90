import { formatSeries } from '#protocol/metrics/series.ts'
import type { Reading } from '#sensors/sensor.ts'
import { ownClient } from '../store/cardinality.ts'
import type { SampleSink } from './sink.ts'

/** Puts one round of a sensor's readings into the sink, all with the same time. */
export function recordReadings(sink: SampleSink, timestampMs: number, readings: readonly Reading[]): void {
  for (const { name, tags = {}, value, unit } of readings) {
    const seriesId = sink.seriesId(formatSeries({ name, tags }), unit, ownClient)
    if (seriesId >= 0) sink.append(seriesId, timestampMs, value)
  }
}
