/** Lets so many lines a second through; the others are left out, and a line in their place says how many. */
import type { Clock } from '#protocol/runtime/clock.ts'

export interface RateLimit {
  /** So many come through however fast they are, before any are counted: those a reader asked for. */
  readonly firstLines: number
  readonly linesPerSecondMax: number
}

/**
 * The source is read as fast as its reader takes lines. What was left out is said when its second is over, also where nothing comes after it. A reader
 * that takes no more lines before the source has ended ends the source itself.
 */
export async function* limitRate(
  lines: AsyncIterable<string>,
  { firstLines, linesPerSecondMax }: RateLimit,
  clock: Clock,
): AsyncGenerator<string> {
  const source = lines[Symbol.asyncIterator]()
  let second = secondOf(clock)
  let [passed, dropped] = [-firstLines, 0]
  try {
    for (let next = source.next(); ; ) {
      const isHere = dropped === 0 || (await isWithinSecond(next, clock))
      const line = isHere ? await next : undefined
      if (!line || line.done === true || secondOf(clock) !== second) {
        if (dropped > 0) yield droppedLine(dropped, linesPerSecondMax)
        second = secondOf(clock)
        ;[passed, dropped] = [Math.min(passed, 0), 0]
      }
      if (line?.done === true) return
      if (!line) continue
      if (passed++ < linesPerSecondMax) yield line.value
      else dropped++
      next = source.next()
    }
  } finally {
    await source.return?.()
  }
}

const secondOf = (clock: Clock): number => Math.floor(clock.monotonic() / 1000)

/** False when this second is over before the next line is here. */
async function isWithinSecond(next: Promise<unknown>, clock: Clock): Promise<boolean> {
  let cancel = (): void => {}
  const over = new Promise<boolean>((resolve) => {
    cancel = clock.after(1000 - (clock.monotonic() % 1000), () => resolve(false))
  })
  try {
    return await Promise.race([next.then(() => true), over])
  } finally {
    cancel()
  }
}

function droppedLine(dropped: number, linesPerSecondMax: number): string {
  return `… ${dropped} lines left out: more than ${linesPerSecondMax} a second`
}
