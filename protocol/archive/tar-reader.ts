/** Reads an archive member by member out of a stream of bytes; holds one chunk, never the archive. */
import {
  blockBytes,
  damaged,
  paddingOf,
  parsePaxRecords,
  parseTarHeader,
  type TarHeader,
  type TarMember,
} from './tar-format.ts'

/** Bytes of a long name or of pax records. */
const extraBytesMax = 65_536

/** A member and its content; the content is read before the next member is asked for, what is left of it is passed over. */
export interface TarEntry extends TarMember {
  readonly content: AsyncIterable<Uint8Array>
}

const kinds: Readonly<Record<string, TarMember['kind']>> = {
  0: 'file',
  7: 'file',
  1: 'hardlink',
  2: 'symlink',
  5: 'folder',
}

/**
 * The members in order.
 * @throws LanistaError CODE_REFUSED when it is no archive, ends too early, or has a member that is no file, folder or link
 */
export async function* readTar(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry> {
  const source = new ByteSource(bytes)
  let extra: Readonly<Record<string, string>> = {}
  for (;;) {
    const block = await source.take(blockBytes)
    const header = parseTarHeader(block)
    if (!header) return
    const more = await readExtra(header, source)
    if (more) {
      extra = { ...extra, ...more }
      continue
    }
    const kind = kinds[header.type]
    if (!kind) throw damaged(`${header.path}, of the type ${JSON.stringify(header.type)}`)
    const size = kind === 'file' ? Number(extra['size'] ?? header.bytes) : 0
    const left = { bytes: size }
    yield {
      path: extra['path'] ?? header.path,
      kind,
      mode: header.mode,
      bytes: size,
      target: extra['linkpath'] ?? header.target,
      content: source.chunks(left),
    }
    await source.pass(left.bytes + paddingOf(size))
    extra = {}
  }
}

/** What a header says of the member after it; undefined when it is a member itself. */
async function readExtra(header: TarHeader, source: ByteSource): Promise<Record<string, string> | undefined> {
  if (!['x', 'g', 'L', 'K'].includes(header.type)) return undefined
  if (header.bytes > extraBytesMax) throw damaged(`a name of ${header.bytes} bytes`)
  const content = await source.take(header.bytes)
  await source.pass(paddingOf(header.bytes))
  const name = content.toString('utf8').replace(/\0[\s\S]*$/, '')
  if (header.type === 'L') return { path: name }
  if (header.type === 'K') return { linkpath: name }
  return header.type === 'x' ? Object.fromEntries(parsePaxRecords(content)) : {}
}

/** Bytes in the portions the reader wants. */
class ByteSource {
  readonly #chunks: AsyncIterator<Uint8Array>
  #rest: Uint8Array = new Uint8Array()

  constructor(bytes: AsyncIterable<Uint8Array>) {
    this.#chunks = bytes[Symbol.asyncIterator]()
  }

  async take(count: number): Promise<Buffer> {
    const parts: Uint8Array[] = []
    for await (const part of this.chunks({ bytes: count })) parts.push(part)
    return Buffer.concat(parts)
  }

  async pass(count: number): Promise<void> {
    for await (const _ of this.chunks({ bytes: count }));
  }

  /** Up to `left.bytes` bytes, counted down as they are given out. Throws CODE_REFUSED when the stream ends before. */
  async *chunks(left: { bytes: number }): AsyncGenerator<Uint8Array> {
    while (left.bytes > 0) {
      if (this.#rest.length === 0) {
        const next = await this.#chunks.next()
        if (next.done) throw damaged('an archive that ends in the middle')
        this.#rest = next.value
        continue
      }
      const part = this.#rest.subarray(0, left.bytes)
      this.#rest = this.#rest.subarray(part.length)
      left.bytes -= part.length
      yield part
    }
  }
}
