/** What may stay of an area, decided from sizes and days alone. */
export interface RetentionInput {
  /** Days that hold something, oldest first. */
  readonly days: readonly number[]
  readonly today: number
  /** Whole days kept besides today. */
  readonly retentionDays: number
  /** Bytes on disk, and how many there may be. */
  readonly bytes: number
  readonly bytesMax: number
}

/** The next thing to drop: a whole day, the older part of the only day there is, or nothing. */
export type RetentionStep =
  | { readonly drop: 'day'; readonly day: number; readonly reason: 'age' | 'bytes' }
  | { readonly drop: 'partOfDay'; readonly day: number }
  | undefined

/** The oldest goes first; a day is cut only when it is the last one and alone too large. */
export function nextDrop(input: RetentionInput): RetentionStep {
  const [oldest] = input.days
  if (oldest === undefined) return undefined
  if (oldest < firstKeptDay(input)) return { drop: 'day', day: oldest, reason: 'age' }
  if (input.bytes <= input.bytesMax) return undefined
  if (input.days.length > 1) return { drop: 'day', day: oldest, reason: 'bytes' }
  return { drop: 'partOfDay', day: oldest }
}

/** Samples of earlier days are past retention. */
export function firstKeptDay(of: Pick<RetentionInput, 'today' | 'retentionDays'>): number {
  return of.today - of.retentionDays
}
