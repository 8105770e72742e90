/** When windows are due, in event time: pure, asked with the wall clock of the moment, which may step either way. */

/** How often and how late one monitor's windows are due. */
export interface WindowTiming {
  /** A window ends at each multiple of this, epoch ms. */
  readonly everyMs: number
  /** A window is due this long after its end. */
  readonly delayMs: number
  /** The last window end that was done before, where that is known: those after it are made up for. */
  readonly lastEndMs?: number | undefined
}

export interface DueWindow {
  readonly key: string
  readonly windowEndMs: number
}

/** Windows made up for after a pause or a step of the clock, newest first chosen; older ones are skipped. */
export const catchUpWindowsMax = 10
/** Stretches of windows done that are remembered for a clock that steps back; beyond it the oldest is forgotten. */
const stretchesMax = 8

interface Stretch {
  readonly firstMs: number
  lastMs: number
}

interface Entry extends WindowTiming {
  /** The newest window end that was due when the clock was last looked at. */
  cursorMs: number
  /** Windows done, the newest stretch last. */
  readonly done: Stretch[]
}

/**
 * Each window of each key comes out of `due` at most once. After a pause, or a clock that jumped ahead, the newest `catchUpMax` windows
 * are made up for; after a clock that jumped back, windows go on at once from the new present, without those that were done before.
 */
export class WindowSchedule {
  readonly #catchUpMax: number
  #entries = new Map<string, Entry>()
  #skipped = 0

  constructor(catchUpMax: number = catchUpWindowsMax) {
    this.#catchUpMax = catchUpMax
  }

  /** Windows never due because there were too many to make up for. */
  get skipped(): number {
    return this.#skipped
  }

  /** Takes these keys in place of those before, in this order; what has not changed goes on. New ones begin with the next window end. */
  set(timings: ReadonlyMap<string, WindowTiming>, nowMs: number): void {
    const next = new Map<string, Entry>()
    for (const [key, timing] of timings) {
      const old = this.#entries.get(key)
      const isSame = old?.everyMs === timing.everyMs && old.delayMs === timing.delayMs
      next.set(key, isSame ? old : { ...timing, cursorMs: timing.lastEndMs ?? newestDue(timing, nowMs), done: [] })
    }
    this.#entries = next
  }

  /** Windows that are due and have not been before, by end, then in the order of the keys. */
  due(nowMs: number): DueWindow[] {
    const due: DueWindow[] = []
    for (const [key, entry] of this.#entries) {
      for (const windowEndMs of this.#take(entry, nowMs)) due.push({ key, windowEndMs })
    }
    return due.sort((a, b) => a.windowEndMs - b.windowEndMs)
  }

  /** When to ask again, epoch ms; undefined without keys. */
  nextMs(nowMs: number): number | undefined {
    let next: number | undefined
    for (const entry of this.#entries.values()) {
      const atMs = newestDue(entry, nowMs) + entry.everyMs + entry.delayMs
      next = Math.min(next ?? atMs, atMs)
    }
    return next
  }

  #take(entry: Entry, nowMs: number): number[] {
    const newestMs = newestDue(entry, nowMs)
    const { everyMs, done } = entry
    if (newestMs === entry.cursorMs) return []
    let firstMs = entry.cursorMs + everyMs
    if (newestMs < entry.cursorMs) firstMs = newestMs
    const reachMs = newestMs - (this.#catchUpMax - 1) * everyMs
    if (firstMs < reachMs) {
      this.#skipped += (reachMs - firstMs) / everyMs
      firstMs = reachMs
    }
    entry.cursorMs = newestMs
    const taken: number[] = []
    for (let endMs = firstMs; endMs <= newestMs; endMs += everyMs) {
      if (done.some((stretch) => endMs >= stretch.firstMs && endMs <= stretch.lastMs)) continue
      const last = done.at(-1)
      if (last !== undefined && last.lastMs + everyMs === endMs) last.lastMs = endMs
      else done.push({ firstMs: endMs, lastMs: endMs })
      if (done.length > stretchesMax) done.shift()
      taken.push(endMs)
    }
    return taken
  }
}

function newestDue({ everyMs, delayMs }: WindowTiming, nowMs: number): number {
  return Math.floor((nowMs - delayMs) / everyMs) * everyMs
}
