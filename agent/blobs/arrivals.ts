import type { BlobChunk } from '#protocol/blobs/blob-answer.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { unlessAborted } from '#protocol/runtime/unless-aborted.ts'
import { ChunkWindow } from './chunk-window.ts'

/** What has come of one blob and is not written yet, and the wait for more: never more than the pieces that were asked for. */
export class Arrivals {
  readonly window: ChunkWindow
  readonly #clock: Pick<Clock, 'monotonic' | 'after'>
  #ready: Uint8Array[] = []
  #failure: { readonly error: unknown } | undefined
  #wake: () => void = () => {}

  /** @param from bytes that are here already */
  constructor(from: number, clock: Pick<Clock, 'monotonic' | 'after'>) {
    this.window = new ChunkWindow(from)
    this.#clock = clock
  }

  /** All has come and been taken. */
  get isOver(): boolean {
    return this.window.isComplete && this.#ready.length === 0
  }

  /** Throws BLOB_INVALID where it does not fit what came before. */
  accept(chunk: BlobChunk): void {
    this.#ready.push(...this.window.accept(chunk))
    this.#wake()
  }

  /** There will be no more: `take` throws this. */
  fail(error: unknown): void {
    this.#failure ??= { error }
    this.#wake()
  }

  /** The connection is another. */
  askAgain(): void {
    this.window.askAgain(this.#clock.monotonic())
    this.#wake()
  }

  /** What is to be written now, in order. Throws what `fail` was given. */
  take(): readonly Uint8Array[] {
    if (this.#failure) throw this.#failure.error
    const ready = this.#ready
    this.#ready = []
    return ready
  }

  /** Resolves when something is to be done: taken, or asked for again. Rejects with the signal's reason. */
  async next(signal: AbortSignal): Promise<void> {
    if (this.#ready.length > 0 || this.#failure || this.window.isComplete) return
    let cancel = (): void => {}
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve
      const waitMs = (this.window.wakeAtMs ?? 0) - this.#clock.monotonic()
      cancel = this.#clock.after(Math.max(0, waitMs), resolve)
    })
    try {
      await unlessAborted(woken, signal)
    } finally {
      cancel()
      this.#wake = () => {}
    }
  }
}
