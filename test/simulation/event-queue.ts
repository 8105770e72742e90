interface Entry {
  readonly atMs: number
  readonly order: number
  readonly run: () => void
}

/** What happens next, by time and then by order of scheduling: a binary heap. */
export class EventQueue {
  readonly #heap: Entry[] = []
  #order = 0
  #nowMs = 0

  /** Simulated time, ms. */
  get nowMs(): number {
    return this.#nowMs
  }

  schedule(afterMs: number, run: () => void): void {
    const heap = this.#heap
    const entry = { atMs: this.#nowMs + afterMs, order: this.#order++, run }
    let i = heap.length
    heap.push(entry)
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!isBefore(entry, heap[parent] as Entry)) break
      heap[i] = heap[parent] as Entry
      i = parent
    }
    heap[i] = entry
  }

  /** Runs the next event; false when there is none. */
  step(): boolean {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (!first || !last) return false
    if (heap.length > 0) this.#sink(last)
    this.#nowMs = first.atMs
    first.run()
    return true
  }

  #sink(entry: Entry): void {
    const heap = this.#heap
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Entry, heap[child] as Entry)) child++
      if (!isBefore(heap[child] as Entry, entry)) break
      heap[i] = heap[child] as Entry
      i = child
    }
    heap[i] = entry
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
