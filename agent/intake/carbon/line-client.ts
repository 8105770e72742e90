import { type LineParser, lineBytesMax } from './line-parser.ts'
import { LineStream } from './line-stream.ts'
import { farewells, sniff } from './sniff.ts'
import type { StreamClient, Verdict } from './tcp-intake.ts'

/** One TCP connection of carbon lines: sniffs its first line, then parses. */
export class LineClient implements StreamClient {
  readonly #parser: LineParser
  readonly #stream: LineStream
  #isFresh = true

  /** @param client its address */
  constructor(parser: LineParser, client: string) {
    this.#parser = parser
    this.#stream = new LineStream(parser, client)
  }

  feed(chunk: Buffer): Verdict {
    if (this.#isFresh) {
      const pending = this.#stream.pending
      const head = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
      const stranger = sniff(head)
      if (stranger !== undefined) {
        this.#parser.reject(stranger, head, 0, Math.min(head.length, lineBytesMax))
        this.#stream.discard()
        return { close: stranger, farewell: farewells[stranger] }
      }
      this.#isFresh = head.length <= lineBytesMax && !head.includes(0x0a)
    }
    this.#stream.feed(chunk)
    return this.#stream.isHopeless ? { close: 'long' } : undefined
  }

  end(): void {
    this.#stream.end('partial')
  }
}
