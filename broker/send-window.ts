import { LanistaError } from '#protocol/errors.ts'

/** Bytes on their way to the broker before publishing is refused: a frozen broker must not eat the memory. */
export const underWayBytesMax: number = 16 * 1024 * 1024
/** The broker is asked how far it is each time this many bytes have been sent. */
const probeBytes = 256 * 1024

/** Counts the bytes handed to a connection that the broker has not confirmed to have taken off it. */
export class SendWindow {
  readonly #flush: () => Promise<void>
  #sent = 0
  #probed = 0
  #confirmed = 0

  /** @param flush resolves when all sent before has arrived; a rejection means that the connection is going down */
  constructor(flush: () => Promise<void>) {
    this.#flush = flush
  }

  /** Throws BUSY when `bytes` more would not fit. */
  check(bytes: number): void {
    const underWay = this.#sent - this.#confirmed
    if (underWay > 0 && underWay + bytes > underWayBytesMax) {
      throw new LanistaError(
        'BUSY',
        `publish later: ${underWay} bytes are under way, expected at most ${underWayBytesMax}`,
      )
    }
  }

  add(bytes: number): void {
    this.#sent += bytes
    if (this.#sent - this.#probed < probeBytes) return
    const sent = this.#sent
    this.#probed = sent
    this.#flush().then(
      () => {
        this.#confirmed = Math.max(this.#confirmed, sent)
      },
      () => {},
    )
  }
}
