/** The last bytes of what a command wrote; everything before is forgotten, so that a gigabyte costs no more than a page. */
export class TailText {
  readonly #bytesMax: number
  #chunks: Uint8Array[] = []
  #bytes = 0
  #forgotten = 0

  /** @param bytesMax bytes kept; up to twice as many are held meanwhile */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  append(chunk: Uint8Array): void {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes > 2 * this.#bytesMax) this.#cut()
  }

  /** Starts with a line of its own when bytes were left out. */
  get text(): string {
    this.#cut()
    const text = Buffer.concat(this.#chunks).toString('utf8')
    return this.#forgotten === 0 ? text : `… ${this.#forgotten} bytes left out\n${text}`
  }

  #cut(): void {
    const kept = Buffer.concat(this.#chunks).subarray(-this.#bytesMax)
    this.#forgotten += this.#bytes - kept.length
    // a copy, so that the bytes before it can go
    this.#chunks = kept.length === 0 ? [] : [Uint8Array.from(kept)]
    this.#bytes = kept.length
  }
}
