/** The inputs with the largest or the smallest values, with their tags. */
import { formatSeries } from '#protocol/metrics/series.ts'
import type { ResultTags } from '#protocol/monitors/model.ts'
import type { Finished, FinishedEntry, Tally } from './tally.ts'

/** An input: its value, its tags, and their canonical text, by which equal values are told apart. */
interface Ranked extends FinishedEntry {
  readonly text: string
}

export class RankedTally implements Tally<RankedTally> {
  readonly form = 'ranked'
  readonly #isTop: boolean
  readonly #size: number
  /** Best first. */
  readonly #entries: Ranked[] = []

  constructor(kind: 'top' | 'bottom', size: number, entries: readonly FinishedEntry[] = []) {
    this.#isTop = kind === 'top'
    this.#size = size
    for (const { value, tags } of entries) this.add(value, tags)
  }

  add(value: number, tags: ResultTags): void {
    const worst = this.#entries.at(-1)
    const isFull = this.#entries.length === this.#size
    if (isFull && worst && (this.#isTop ? value < worst.value : value > worst.value)) return
    this.#insert({ value, tags, text: tagText(tags) })
  }

  merge(other: RankedTally): void {
    for (const entry of other.#entries) this.#insert(entry)
  }

  finish(): Finished {
    return { value: this.#entries[0]?.value ?? null, entries: this.state() }
  }

  agrees(values: number): boolean {
    return this.#entries.length === Math.min(this.#size, values)
  }

  /** Best first. */
  state(): FinishedEntry[] {
    return this.#entries.map(({ value, tags }) => ({ tags, value }))
  }

  #insert(entry: Ranked): void {
    let at = this.#entries.length
    while (at > 0 && this.#isBefore(entry, this.#entries[at - 1] as Ranked)) at--
    this.#entries.splice(at, 0, entry)
    if (this.#entries.length > this.#size) this.#entries.pop()
  }

  #isBefore(a: Ranked, b: Ranked): boolean {
    if (a.value !== b.value) return this.#isTop ? a.value > b.value : a.value < b.value
    return a.text < b.text
  }
}

/** The canonical text of tags: `;tag=value;…`, empty for none. */
export function tagText(tags: ResultTags): string {
  return formatSeries({ name: '', tags })
}
