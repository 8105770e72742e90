/** What happens to `push` on a full queue. */
export type WhenFull = 'dropOldest' | 'dropNewest'

/** A first-in first-out queue with a fixed bound. What it drops is counted, never lost in silence. */
export class BoundedQueue<T> {
  readonly #limit: number
  readonly #whenFull: WhenFull
  #items: T[] = []
  #head = 0
  #dropped = 0

  /** @param limit items held at most, at least 1 */
  constructor(limit: number, whenFull: WhenFull) {
    this.#limit = limit
    this.#whenFull = whenFull
  }

  get size(): number {
    return this.#items.length - this.#head
  }

  /** Items dropped since the queue was made. */
  get dropped(): number {
    return this.#dropped
  }

  /** Adds an item; on a full queue drops as configured and returns false when the new item was the one dropped. */
  push(item: T): boolean {
    if (this.size >= this.#limit) {
      this.#dropped++
      if (this.#whenFull === 'dropNewest') return false
      this.shift()
    }
    this.#items.push(item)
    return true
  }

  /** Removes and returns the oldest item. */
  shift(): T | undefined {
    if (this.size === 0) return undefined
    const item = this.#items[this.#head]
    this.#items[this.#head] = undefined as T
    this.#head++
    if (this.#head > 32 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }
}
