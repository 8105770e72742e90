/** Writes an archive, as what the engine takes files in. */
import { blockBytes, encodeTarHeader, paddingOf, type TarMember } from './tar-format.ts'

/** A member to write; `content` has as many bytes as it says. */
export interface WrittenMember extends TarMember {
  readonly content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

const types: Readonly<Record<TarMember['kind'], string>> = { file: '0', hardlink: '1', symlink: '2', folder: '5' }
/** Bytes of a name that a header of its own holds. */
const nameBytesMax = 100

/** A file whose text is at hand. */
export function textMember(path: string, text: string, mode: number): WrittenMember {
  const content = Buffer.from(text)
  return { path, kind: 'file', mode, bytes: content.length, target: '', content: [content] }
}

/** A folder; those above it need no member of their own. */
export function folderMember(path: string): WrittenMember {
  return { path, kind: 'folder', mode: 0o755, bytes: 0, target: '', content: [] }
}

/** The archive's bytes, long names in pax records. */
export async function* writeTar(
  members: AsyncIterable<WrittenMember> | Iterable<WrittenMember>,
): AsyncGenerator<Uint8Array> {
  for await (const { path, kind, mode, bytes, target, content } of members) {
    const records = paxRecord('path', path) + paxRecord('linkpath', target)
    if (records !== '') yield paxHeader(records)
    yield encodeTarHeader({ path, type: types[kind], mode, bytes, target })
    yield* content
    yield Buffer.alloc(paddingOf(bytes))
  }
  yield Buffer.alloc(2 * blockBytes)
}

function paxHeader(records: string): Buffer {
  const content = Buffer.from(records)
  const header = encodeTarHeader({ path: 'pax', type: 'x', mode: 0o644, bytes: content.length, target: '' })
  return Buffer.concat([header, content, Buffer.alloc(paddingOf(content.length))])
}

/** `<length> <key>=<value>\n`, its own digits counted; empty when the header holds the value. */
function paxRecord(key: string, value: string): string {
  if (Buffer.byteLength(value) <= nameBytesMax) return ''
  const rest = ` ${key}=${value}\n`
  let length = Buffer.byteLength(rest)
  while (String(length).length + Buffer.byteLength(rest) !== length)
    length = String(length).length + Buffer.byteLength(rest)
  return `${length}${rest}`
}
