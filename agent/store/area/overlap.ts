/** A stretch of time, both ends inclusive. */
export interface TimeSpan {
  readonly t0Ms: number
  readonly t1Ms: number
}

/**
 * Groups spans so that spans of different groups never overlap: what must be merged together, and nothing more. Groups come in
 * time order.
 */
export function overlapGroups<T extends TimeSpan>(spans: readonly T[]): T[][] {
  const groups: T[][] = []
  let endMs = Number.NEGATIVE_INFINITY
  for (const span of spans.toSorted((a, b) => a.t0Ms - b.t0Ms)) {
    const group = groups.at(-1)
    if (group && span.t0Ms <= endMs) group.push(span)
    else groups.push([span])
    endMs = Math.max(endMs, span.t1Ms)
  }
  return groups
}
