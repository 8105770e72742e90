/** What became of the readings of a subscription. `passed` = all of the others but attempts and failures, and those waiting or under way. */
export interface CourierCounters {
  /** The filter let them pass. */
  passed: number
  /** The sink has them. */
  delivered: number
  /** The sink has no form for them: unknown values, names it cannot say. */
  unsendable: number
  /** The sink refused the batch they were in. */
  refused: number
  /** The oldest of a full queue. */
  dropped: number
  /** Still waiting when the courier closed. */
  abandoned: number
  /** Not even judged: of more series than a filter remembers. Not in `passed`. */
  seriesLimit: number
  /** Batches handed to the sink, repeats included, and of them those it did not take. */
  attempts: number
  failures: number
}

export function newCourierCounters(): CourierCounters {
  return {
    passed: 0,
    delivered: 0,
    unsendable: 0,
    refused: 0,
    dropped: 0,
    abandoned: 0,
    seriesLimit: 0,
    attempts: 0,
    failures: 0,
  }
}
