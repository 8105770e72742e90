import type { SampleSink } from '#agent/intake/sink.ts'

/** A sample as the sink got it. */
export interface KeptSample {
  readonly series: string
  readonly timestampMs: number
  readonly value: number
}

/** The in-memory form of the sink, for tests: keeps everything, refuses series beyond `seriesMax`, is full when told. */
export class MemorySink implements SampleSink {
  readonly samples: KeptSample[] = []
  /** How often a series id was asked for. */
  asked = 0
  /** Who sent each series that was new. */
  readonly clients: (string | undefined)[] = []
  readonly #seriesMax: number
  readonly #names: string[] = []
  readonly #ids = new Map<string, number>()
  #isFull = false
  #waiting: (() => void)[] = []

  constructor(seriesMax: number = Number.POSITIVE_INFINITY) {
    this.#seriesMax = seriesMax
  }

  seriesId(canonical: string, _unit?: string, client?: string): number {
    this.asked++
    const known = this.#ids.get(canonical)
    if (known !== undefined) return known
    if (this.#names.length >= this.#seriesMax) return -1
    this.#ids.set(canonical, this.#names.length)
    this.clients.push(client)
    return this.#names.push(canonical) - 1
  }

  append(seriesId: number, timestampMs: number, value: number): void {
    this.samples.push({ series: this.#names[seriesId] ?? '?', timestampMs, value })
  }

  get isFull(): boolean {
    return this.#isFull
  }

  drained(): Promise<void> {
    if (!this.#isFull) return Promise.resolve()
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
    })
  }

  fill(): void {
    this.#isFull = true
  }

  drain(): void {
    this.#isFull = false
    for (const resolve of this.#waiting) resolve()
    this.#waiting = []
  }
}
