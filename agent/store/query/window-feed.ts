import { parseFunction, type WindowFunction } from '#protocol/aggregation/functions.ts'
import type { WindowValue } from '#protocol/aggregation/windows.ts'
import { LanistaError } from '#protocol/errors.ts'
import type { Samples } from '../area/series-reader.ts'
import { isPartial, Partial } from './partial.ts'

/** Samples one window may hold for functions that need them all at once, e.g. percentiles; 16 bytes each. */
export const windowSamplesMax: number = 2 ** 22

/** What stands for many samples: a block's header, or a window of a tier. */
export type Summed = Parameters<Partial['header']>[0]

/**
 * Turns one series, fed in time order, into windows. Without a step there is one window, named `fromMs`. For functions that sums can
 * tell it holds a few numbers; for others the samples of one window, at most `windowSamplesMax`, else QUERY_TOO_LARGE.
 */
export class WindowFeed {
  readonly #function: string
  readonly #of: WindowFunction
  readonly #stepMs: number | undefined
  readonly #fromMs: number
  #windowMs: number | undefined
  #partial = new Partial()
  #kept: Samples[] = []
  #keptCount = 0
  #done: WindowValue[] = []

  /** Throws FUNCTION_UNKNOWN. */
  constructor(functionName: string, stepMs: number | undefined, fromMs: number) {
    this.#of = parseFunction(functionName)
    this.#function = functionName
    this.#stepMs = stepMs
    this.#fromMs = fromMs
  }

  /** The start of the window a time lies in. */
  windowOf(timestampMs: number): number {
    return this.#stepMs === undefined ? this.#fromMs : Math.floor(timestampMs / this.#stepMs) * this.#stepMs
  }

  samples(samples: Samples): void {
    const { timestampsMs } = samples
    for (let start = 0; start < timestampsMs.length; ) {
      const windowMs = this.windowOf(timestampsMs[start] as number)
      const endMs = this.#stepMs === undefined ? Number.POSITIVE_INFINITY : windowMs + this.#stepMs
      let end = start + 1
      while (end < timestampsMs.length && (timestampsMs[end] as number) < endMs) end++
      this.#enter(windowMs)
      this.#add(samples, start, end)
      start = end
    }
  }

  /** Only for functions that sums can tell, and only what lies within one window. */
  summed(summed: Summed): void {
    this.#enter(this.windowOf(summed.t0Ms))
    this.#partial.header(summed)
  }

  /** Windows that are complete. */
  take(): WindowValue[] {
    const done = this.#done
    this.#done = []
    return done
  }

  /** Completes the last window. */
  finish(): WindowValue[] {
    this.#complete()
    return this.take()
  }

  #enter(windowMs: number): void {
    if (this.#windowMs === windowMs) return
    this.#complete()
    this.#windowMs = windowMs
  }

  #add(samples: Samples, start: number, end: number): void {
    if (isPartial(this.#function)) {
      this.#partial.samples(samples, start, end)
      return
    }
    this.#keptCount += end - start
    if (this.#keptCount > windowSamplesMax) {
      throw new LanistaError(
        'QUERY_TOO_LARGE',
        `ask for a shorter range, a shorter step, or another function than ${this.#function}: found a window of more than ${windowSamplesMax} samples`,
      )
    }
    this.#kept.push({
      timestampsMs: samples.timestampsMs.subarray(start, end),
      values: samples.values.subarray(start, end),
    })
  }

  #complete(): void {
    if (this.#windowMs === undefined) return
    const value = isPartial(this.#function) ? this.#partial.value(this.#function) : this.#ofKept()
    if (value !== null) this.#done.push([this.#windowMs, value])
    this.#windowMs = undefined
    this.#partial = new Partial()
    this.#kept = []
    this.#keptCount = 0
  }

  #ofKept(): ReturnType<WindowFunction> {
    const timestampsMs = new Float64Array(this.#keptCount)
    const values = new Float64Array(this.#keptCount)
    let at = 0
    for (const part of this.#kept) {
      timestampsMs.set(part.timestampsMs, at)
      values.set(part.values, at)
      at += part.timestampsMs.length
    }
    return this.#of({ timestampsMs, values, start: 0, end: at })
  }
}
