import { Readable } from 'node:stream'

/** Up to this many bytes a body is sent in one go, with its length. */
const wholeBytesMax = 524_288

/** The pieces as one body where they are few, else as a stream of them. */
export function textBody(pieces: Iterable<string | Uint8Array>): Buffer | Readable {
  const iterator = pieces[Symbol.iterator]()
  const head: Buffer[] = []
  let bytes = 0
  for (let next = iterator.next(); ; next = iterator.next()) {
    if (next.done) return Buffer.concat(head, bytes)
    const piece = typeof next.value === 'string' ? Buffer.from(next.value) : asBuffer(next.value)
    head.push(piece)
    bytes += piece.length
    if (bytes > wholeBytesMax) return Readable.from(chained(head, iterator))
  }
}

function* chained(head: readonly Buffer[], rest: Iterator<string | Uint8Array>): Generator<string | Uint8Array> {
  yield* head
  for (let next = rest.next(); !next.done; next = rest.next()) yield next.value
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
