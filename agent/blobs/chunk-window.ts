/** Which pieces of a blob to ask for, and when again; pieces come in any order, twice or not at all, and leave in order. Pure but for its own state. */
import type { BlobChunk } from '#protocol/blobs/blob-answer.ts'
import { asksAtOnceMax, chunkBytesMax } from '#protocol/blobs/blob-format.ts'
import { LanistaError } from '#protocol/errors.ts'
import { backoffCeilingMs } from '#protocol/runtime/backoff.ts'

/** A piece to be asked for. */
export interface DueAsk {
  readonly from: number
  readonly bytes: number
}

interface OpenAsk {
  readonly tries: number
  /** Asked again then, monotonic ms. */
  readonly againAtMs: number
}

/** An ask that has had no answer is repeated after this, and each time after twice as long, ms. */
const again = { baseMs: 3_000, capMs: 30_000 } as const

export class ChunkWindow {
  /** By where they begin. */
  readonly #open = new Map<number, OpenAsk>()
  /** Arrived before those that come before them. */
  readonly #early = new Map<number, Uint8Array>()
  #done: number
  #next: number
  #total: number | undefined

  /** @param from bytes that are here already */
  constructor(from: number) {
    this.#done = from
    this.#next = from
  }

  /** Bytes of the whole; undefined until the first answer. */
  get total(): number | undefined {
    return this.#total
  }

  get isComplete(): boolean {
    return this.#done === this.#total
  }

  /** What is to be asked for now, taken as asked. */
  due(nowMs: number): DueAsk[] {
    const asks: DueAsk[] = []
    for (const [from, { tries, againAtMs }] of this.#open) {
      if (againAtMs > nowMs) continue
      this.#note(from, tries + 1, nowMs)
      asks.push(askFrom(from))
    }
    while (this.#hasMore && this.#open.size + this.#early.size < asksAtOnceMax) {
      this.#note(this.#next, 0, nowMs)
      asks.push(askFrom(this.#next))
      this.#next += chunkBytesMax
    }
    return asks
  }

  /** When something is to be asked for again, monotonic ms; undefined = nothing is open. */
  get wakeAtMs(): number | undefined {
    const times = [...this.#open.values()].map(({ againAtMs }) => againAtMs)
    return times.length === 0 ? undefined : Math.min(...times)
  }

  /** The connection is another: what was asked before may never have arrived. */
  askAgain(nowMs: number): void {
    for (const [from, { tries }] of this.#open) this.#open.set(from, { tries, againAtMs: nowMs })
  }

  /**
   * What can be written now, in order; a piece that nobody waits for gives nothing.
   * @throws LanistaError BLOB_INVALID where the answers do not fit each other
   */
  accept({ from, total, bytes }: BlobChunk): Uint8Array[] {
    if (total < this.#done || total !== (this.#total ?? total)) {
      throw misfit(`a blob of ${total} bytes`, String(this.#total ?? `${this.#done} or more`))
    }
    if (!this.#open.has(from)) return []
    const whole = Math.min(chunkBytesMax, total - from)
    if (bytes.length !== whole) throw misfit(`${bytes.length} bytes from ${from} of ${total}`, String(whole))
    this.#total = total
    this.#open.delete(from)
    for (const later of this.#open.keys()) if (later >= total) this.#open.delete(later)
    this.#early.set(from, bytes)
    return this.#inOrder()
  }

  /** Before the first answer nobody knows whether there is a second piece. */
  get #hasMore(): boolean {
    return this.#total === undefined ? this.#open.size === 0 : this.#next < this.#total
  }

  #note(from: number, tries: number, nowMs: number): void {
    this.#open.set(from, { tries, againAtMs: nowMs + backoffCeilingMs(tries, again) })
  }

  #inOrder(): Uint8Array[] {
    const ready: Uint8Array[] = []
    for (let next = this.#early.get(this.#done); next; next = this.#early.get(this.#done)) {
      this.#early.delete(this.#done)
      this.#done += next.length
      ready.push(next)
      if (next.length === 0) break
    }
    return ready
  }
}

function misfit(found: string, expected: string): LanistaError {
  return new LanistaError('BLOB_INVALID', `ask for it from its beginning: found ${found}, expected ${expected}`)
}

function askFrom(from: number): DueAsk {
  return { from, bytes: chunkBytesMax }
}
