import type { IngestTarget } from '#controller/ingest/store-ingest.ts'
import { isLanistaError } from '#protocol/errors.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Address } from '#protocol/subjects/subject.ts'
import type { SampleWindow } from './window.ts'
import type { WindowSeries } from './window-series.ts'

/** Told of each sample that arrives, after the window. Must not throw. */
export type SampleListener = (series: WindowSeries, timestampMs: number, value: number) => void

/** The window as the place where the ingest puts the samples of one host; a listener hears those that are numbers. */
export function windowTarget(
  window: SampleWindow,
  host: Address,
  clock: Pick<Clock, 'now'>,
  listener: SampleListener = () => {},
): IngestTarget<WindowSeries> {
  return {
    open: ({ name, unit }) => {
      try {
        return window.series(host, name, unit)
      } catch (error) {
        if (isLanistaError(error)) return undefined
        throw error
      }
    },
    append: (series, timestampMs, value) => {
      window.append(series, timestampMs, value, clock.now())
      if (Number.isFinite(timestampMs) && Number.isFinite(value)) listener(series, timestampMs, value)
    },
  }
}
