/** Lets so many lines a second through; the others are left out, and a line in their place says how many. */
import type { Clock } from '#protocol/runtime/clock.ts'

export interface RateLimit {
  readonly linesPerSecondMax: number
}

/** The source is read as fast as it comes, so that a chatty instance never makes a reader late. */
export async function* limitRate(
  lines: AsyncIterable<string>,
  { linesPerSecondMax }: RateLimit,
  clock: Clock,
): AsyncGenerator<string> {
  let second = Math.floor(clock.monotonic() / 1000)
  let [passed, dropped] = [0, 0]
  for await (const line of lines) {
    const now = Math.floor(clock.monotonic() / 1000)
    if (now !== second) {
      second = now
      passed = 0
      if (dropped > 0) yield droppedLine(dropped, linesPerSecondMax)
      dropped = 0
    }
    if (passed < linesPerSecondMax) {
      passed++
      yield line
    } else dropped++
  }
  if (dropped > 0) yield droppedLine(dropped, linesPerSecondMax)
}

function droppedLine(dropped: number, linesPerSecondMax: number): string {
  return `… ${dropped} lines left out: more than ${linesPerSecondMax} a second`
}
