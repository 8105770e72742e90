import { LanistaError } from '#protocol/errors.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { DictionaryEntry } from '#protocol/samples/format.ts'
import type { Address } from '#protocol/subjects/subject.ts'
import type { SampleWindow } from './window.ts'
import type { WindowSeries } from './window-series.ts'

/** The window as the place where the ingest puts the samples of one host. */
export interface WindowTarget {
  /** Undefined for a name that is none. */
  open(entry: DictionaryEntry): WindowSeries | undefined
  append(series: WindowSeries, timestampMs: number, value: number): void
}

export function windowTarget(window: SampleWindow, host: Address, clock: Pick<Clock, 'now'>): WindowTarget {
  return {
    open: ({ name, unit }) => {
      try {
        return window.series(host, name, unit)
      } catch (error) {
        if (error instanceof LanistaError) return undefined
        throw error
      }
    },
    append: (series, timestampMs, value) => window.append(series, timestampMs, value, clock.now()),
  }
}
