import { type QueryLimits, tooLarge } from '#controller/window/query.ts'

/** How large an answer has become, all hosts together. */
export class AnswerSize {
  readonly #limits: QueryLimits
  #series = 0
  #samples = 0

  constructor(limits: QueryLimits) {
    this.#limits = limits
  }

  /** Throws ANSWER_TOO_LARGE when there may not be so much. */
  add(series: number, samples: number): void {
    const { seriesMax, samplesMax, advice } = this.#limits
    this.#series += series
    this.#samples += samples
    if (this.#series > seriesMax) throw tooLarge('series', seriesMax, advice)
    if (this.#samples > samplesMax) throw tooLarge('samples', samplesMax, advice)
  }

  /** What was added for a host whose answer broke off. */
  remove(series: number, samples: number): void {
    this.#series -= series
    this.#samples -= samples
  }
}
