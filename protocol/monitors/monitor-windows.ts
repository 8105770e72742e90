/** The open and lately closed windows of one monitor at one wider scope, and what is known of who should say something of them. */
import { coverageOfGroup, emptyPartial, type GroupPartial, keyOf, withMissing } from './gather.ts'
import type { MonitorResult } from './model.ts'
import { type PartialMessage, quietWindows } from './partial-message-format.ts'
import type { PlannedMonitor } from './plan.ts'
import { coverageOf, type Published } from './published.ts'

/** Windows of one monitor that are kept, open or closed: as far back as a late partial still counts, and as a next aggregator asks. */
export const windowsKept = 20

/** One window. */
export interface OpenWindow {
  readonly windowEndMs: number
  /** Epoch ms. */
  readonly closesAtMs: number
  /** When those who have said nothing are asked next, epoch ms, and how often they were. */
  asksAtMs: number
  asks: number
  /** What hosts, or clouds, said of it. */
  readonly parts: Map<string, PartialMessage>
  isClosed: boolean
  /** The revision that what is published here next gets at least. */
  revision: number
  /** Another one's results, heard before it was closed here. */
  heard: Published | undefined
  /** What stands published; undefined while it is open. */
  published: Published | undefined
  /** What was sent to the wider scope, for monitors of that. */
  merged: PartialMessage | undefined
  /** Something changed since it was closed. */
  isStale: boolean
}

/** What was last heard of one child. */
interface LastWord {
  readonly windowEndMs: number
  readonly isQuiet: boolean
  readonly groups: readonly GroupPartial[]
}

export class MonitorWindows {
  #planned: PlannedMonitor
  readonly windows: Map<number, OpenWindow> = new Map()
  readonly #lastWords = new Map<string, LastWord>()
  /** The oldest window end that was opened here. */
  openedFromMs: number = Number.POSITIVE_INFINITY
  /** The newest window end that was opened. */
  openedToMs: number = Number.NEGATIVE_INFINITY
  /** The newest results anybody published, for what a next aggregator should expect. */
  #lastPublished: readonly MonitorResult[] = []

  constructor(planned: PlannedMonitor) {
    this.#planned = planned
  }

  get planned(): PlannedMonitor {
    return this.#planned
  }

  /** The same windows under a plan that computes the same. */
  withPlan(planned: PlannedMonitor): this {
    this.#planned = planned
    return this
  }

  /** Results that somebody published; the newest count. */
  noteResults(results: readonly MonitorResult[]): void {
    const [first] = results
    const [known] = this.#lastPublished
    if (first !== undefined && first.windowEndMs >= (known?.windowEndMs ?? 0)) this.#lastPublished = results
  }

  /** Window ends, ascending. */
  get ends(): number[] {
    return [...this.windows.keys()].sort((a, b) => a - b)
  }

  open(windowEndMs: number, closesAtMs: number, asksAtMs: number): OpenWindow {
    const window: OpenWindow = {
      windowEndMs,
      closesAtMs,
      asksAtMs,
      asks: 0,
      isClosed: false,
      revision: 0,
      parts: new Map(),
      heard: undefined,
      published: undefined,
      merged: undefined,
      isStale: false,
    }
    this.windows.set(windowEndMs, window)
    this.openedToMs = Math.max(this.openedToMs, windowEndMs)
    this.openedFromMs = Math.min(this.openedFromMs, windowEndMs)
    for (const old of this.ends.slice(0, -windowsKept)) this.windows.delete(old)
    return window
  }

  /** The clock was ahead: drops windows that have not ended. */
  turnBack(newestEndMs: number): void {
    for (const windowEndMs of this.windows.keys()) if (windowEndMs > newestEndMs) this.windows.delete(windowEndMs)
    this.openedToMs = Math.min(this.openedToMs, newestEndMs)
  }

  /** Takes what a child says; false when nothing changed by it. */
  take(child: string, message: PartialMessage, window: OpenWindow): boolean {
    const word = this.#lastWords.get(child)
    if (word === undefined || message.windowEndMs >= word.windowEndMs) {
      this.#lastWords.set(child, message)
    }
    const known = window.parts.get(child)
    if (known !== undefined && !isNewer(message, known)) return false
    window.parts.set(child, message)
    return true
  }

  /** Forgets children that are no members any more. */
  keep(isMember: (child: string) => boolean): void {
    for (const child of this.#lastWords.keys()) if (!isMember(child)) this.#lastWords.delete(child)
  }

  /** Members that should say something of a window and have not: all but those that said lately that they have no inputs. */
  missing(window: OpenWindow, members: Iterable<string>): string[] {
    return [...members].filter((child) => {
      if (window.parts.has(child)) return false
      const word = this.#lastWords.get(child)
      const quietMs = 2 * quietWindows * this.#planned.monitor.everyMs
      return word === undefined || !word.isQuiet || window.windowEndMs - word.windowEndMs > quietMs
    })
  }

  /**
   * The groups with all inputs there should be: those of a missing child as it last had them; one more in every group for a child that
   * never said what it has; and, while there is such a one, no fewer than were published last.
   */
  expect(groups: readonly GroupPartial[], missing: readonly string[]): GroupPartial[] {
    const all = new Map(groups.map((group) => [keyOf(group.tags), group]))
    const more = (tags: GroupPartial['tags'], inputs: number, madeOf = inputs): void => {
      const key = keyOf(tags)
      const group = all.get(key) ?? { tags, partial: emptyPartial(this.#planned), expected: 0 }
      all.set(key, withMissing(group, inputs, madeOf))
    }
    let unheard = 0
    for (const child of missing) {
      const word = this.#lastWords.get(child)
      if (word === undefined || word.groups.length === 0) unheard++
      else for (const group of word.groups) more(group.tags, group.expected, coverageOfGroup(group).expected)
    }
    if (unheard === 0) return [...all.values()]
    if (all.size === 0 && isWhole(this.#planned)) more({}, 0)
    for (const { tags } of all.values()) more(tags, unheard)
    for (const { tags, expected } of this.#lastPublished) {
      const found = all.get(keyOf(tags))
      if (found !== undefined) more(tags, Math.max(0, expected - coverageOfGroup(found).expected))
    }
    return [...all.values()]
  }
}

/** Of one sender the later session and the higher revision; of two aggregators of a cloud the one that knows more inputs, then the later. */
function isNewer(message: PartialMessage, known: PartialMessage): boolean {
  const [share, knownShare] = [shareOf(message), shareOf(known)]
  if (message.by !== known.by && share !== knownShare) return share > knownShare
  if (message.session !== known.session) return message.session > known.session
  return message.revision > known.revision
}

function shareOf({ groups, counted, wanted }: PartialMessage): number {
  return wanted === 0 ? 0 : coverageOf(groups.map(coverageOfGroup)) * (counted / wanted)
}

function isWhole({ monitor }: PlannedMonitor): boolean {
  return monitor.kind !== 'constant' && monitor.by.length === 0
}
