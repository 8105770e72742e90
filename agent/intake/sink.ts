/**
 * Where every accepted sample goes, from sensors and carbon alike: one seam between intake and store, so that a parser needs
 * to know neither LevelDB nor the bus.
 */
export interface SampleSink {
  /**
   * The small dense id of a series, given out in order of first sight. Ask once per series and keep the answer.
   * @param canonical as `formatSeries` writes it
   * @param unit of the metric where it is known, e.g. `percent`, `bytes`
   * @param client who sends it, for the budget of each: the address of a carbon client; `sensors` for the agent's own
   * @returns −1 when the cardinality budget refuses a new series (the sink counts it); known series are never refused
   */
  seriesId(canonical: string, unit?: string, client?: string): number

  /** Accepts one sample of a known series. Never throws and never waits; what cannot be kept is counted as dropped. */
  append(seriesId: number, timestampMs: number, value: number): void

  /** True when the uncommitted head is at its bound: whoever can wait should stop reading until `drained()`. */
  readonly isFull: boolean

  /** Resolves when the sink is no longer full. */
  drained(): Promise<void>
}
