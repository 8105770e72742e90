import type { ArrivalRange } from '#protocol/samples/arrival.ts'

/**
 * The end of the highest run of positions in `bottom … top` that is in none of the sets, at most `lengthMax` long: what is
 * newest goes first, backlog behind it. Sets are sorted and disjoint ranges; a few of them, searched by bisection.
 */
export function lastGap(
  sets: readonly (readonly ArrivalRange[])[],
  bottom: number,
  top: number,
  lengthMax: number,
): ArrivalRange | undefined {
  let to = top
  for (let moved = true; moved && to >= bottom; ) {
    moved = false
    for (const set of sets) {
      const below = rangeBeginningAtOrBelow(set, to)
      if (below && below.to >= to) {
        to = below.from - 1
        moved = true
      }
    }
  }
  if (to < bottom) return undefined
  let from = Math.max(bottom, to - lengthMax + 1)
  for (const set of sets) from = Math.max(from, (rangeBeginningAtOrBelow(set, to)?.to ?? 0) + 1)
  return { from, to }
}

function rangeBeginningAtOrBelow(set: readonly ArrivalRange[], position: number): ArrivalRange | undefined {
  let start = 0
  let end = set.length
  while (start < end) {
    const middle = (start + end) >>> 1
    if ((set[middle] as ArrivalRange).from <= position) start = middle + 1
    else end = middle
  }
  return set[start - 1]
}
