/** How fast something may flow: a bucket of bytes that fills with time. Pure; may go into debt by one message. */
export class WireShare {
  readonly #bytesPerSecond: number
  readonly #burstBytes: number
  #bytes: number
  #filledAtMs: number

  /** @param burstBytes what may go at once after a pause */
  constructor(bytesPerSecond: number, burstBytes: number, nowMs: number) {
    this.#bytesPerSecond = bytesPerSecond
    this.#burstBytes = burstBytes
    this.#bytes = burstBytes
    this.#filledAtMs = nowMs
  }

  /** May anything go now? */
  isOpen(nowMs: number): boolean {
    const elapsedMs = Math.max(0, nowMs - this.#filledAtMs)
    this.#filledAtMs = nowMs
    this.#bytes = Math.min(this.#burstBytes, this.#bytes + (elapsedMs / 1000) * this.#bytesPerSecond)
    return this.#bytes > 0
  }

  spend(bytes: number): void {
    this.#bytes -= bytes
  }
}
