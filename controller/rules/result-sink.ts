/** The seam behind metrics that belong to no cloud: published by the controller, recorded by an agent of `home`. */

export interface ResultSample {
  /** Dotted, as of any metric. */
  readonly name: string
  readonly tags: Readonly<Record<string, string>>
  readonly timestampMs: number
  readonly value: number
  readonly unit?: string | undefined
}

export interface ResultSink {
  /** Takes samples over; bounded and counted behind the seam. Must not throw. */
  record(samples: readonly ResultSample[]): void
}
