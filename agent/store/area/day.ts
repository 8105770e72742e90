/** Days of UTC, the unit of retention: day 0 is 1 January 1970. */
export const dayMs = 86_400_000

export function dayOf(timestampMs: number): number {
  return Math.floor(timestampMs / dayMs)
}

/** What is known of one day of an area without reading its blocks. */
export interface DayFacts {
  readonly blocks: number
  readonly pages: number
  readonly samples: number
  /** Least and greatest timestamp. */
  readonly minMs: number
  readonly maxMs: number
  /** The tiers have everything that this day holds. */
  readonly isRolled: boolean
}

export const emptyDay: DayFacts = {
  blocks: 0,
  pages: 0,
  samples: 0,
  minMs: Number.MAX_SAFE_INTEGER,
  maxMs: Number.MIN_SAFE_INTEGER,
  isRolled: false,
}

/** A day whose facts are lost: it may hold anything, so that nothing of it is hidden. `repair` counts it anew. */
export function unknownDay(day: number): DayFacts {
  return { blocks: 1, pages: 1, samples: 0, minMs: day * dayMs, maxMs: (day + 1) * dayMs - 1, isRolled: false }
}

/** Parses the stored form; undefined when it makes no sense. */
export function parseDayFacts(value: Uint8Array): DayFacts | undefined {
  try {
    const facts = JSON.parse(new TextDecoder().decode(value)) as Partial<DayFacts>
    const numbers = [facts.blocks, facts.pages, facts.samples, facts.minMs, facts.maxMs]
    return numbers.every(Number.isSafeInteger) ? { ...emptyDay, ...facts } : undefined
  } catch {
    return undefined
  }
}
