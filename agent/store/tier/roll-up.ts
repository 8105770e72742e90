/** Aggregates of consecutive windows, in time order: window `i` begins at `startsMs[i]`, a multiple of the tier's step. */
export interface Windows {
  readonly startsMs: Float64Array
  readonly min: Float64Array
  readonly max: Float64Array
  readonly sum: Float64Array
  readonly count: Float64Array
  readonly last: Float64Array
}

/** The columns of a tier, in the order in which they are stored. */
export const tierColumns = ['min', 'max', 'sum', 'count', 'last'] as const
export type TierColumn = (typeof tierColumns)[number]

interface Window {
  readonly startMs: number
  min: number
  max: number
  sum: number
  count: number
  last: number
}

/** Rolls samples up as they come, in time order; a piece may end in the middle of a window. */
export class RollUp {
  readonly #stepMs: number
  #windows: Window[] = []

  constructor(stepMs: number) {
    this.#stepMs = stepMs
  }

  push(timestampsMs: Float64Array, values: Float64Array): void {
    let window = this.#windows.at(-1)
    for (let i = 0; i < timestampsMs.length; i++) {
      const value = values[i] as number
      const startMs = Math.floor((timestampsMs[i] as number) / this.#stepMs) * this.#stepMs
      if (window?.startMs !== startMs) {
        window = { startMs, min: value, max: value, sum: 0, count: 0, last: value }
        this.#windows.push(window)
      }
      if (value < window.min) window.min = value
      if (value > window.max) window.max = value
      window.sum += value
      window.count++
      window.last = value
    }
  }

  /** What has been rolled up since the last call. A sum beyond the range of doubles is kept at its end. */
  take(): Windows {
    const windows = this.#windows
    this.#windows = []
    const column = (of: (window: Window) => number): Float64Array => Float64Array.from(windows, of)
    return {
      startsMs: column(({ startMs }) => startMs),
      min: column(({ min }) => min),
      max: column(({ max }) => max),
      sum: column(({ sum }) => Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, sum))),
      count: column(({ count }) => count),
      last: column(({ last }) => last),
    }
  }
}
