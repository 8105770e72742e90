/**
 * Tar headers as POSIX pax (IEEE Std 1003.1, "pax Interchange Format") and GNU tar write them: 512 bytes a header, content padded to 512,
 * two empty blocks at the end. Long names come in pax records (`x`) or in GNU's own members (`L`, `K`).
 */
import { LanistaError } from '#protocol/errors.ts'

export const blockBytes = 512

/** One member of an archive, its content apart. */
export interface TarMember {
  readonly path: string
  readonly kind: 'file' | 'folder' | 'symlink' | 'hardlink'
  readonly mode: number
  readonly bytes: number
  /** Where a link points. */
  readonly target: string
}

export interface TarHeader {
  readonly path: string
  /** The type flag: `0` file, `1` hard link, `2` symbolic link, `5` folder, `x` and `g` pax records, `L` and `K` GNU's long names. */
  readonly type: string
  readonly mode: number
  readonly bytes: number
  readonly target: string
}

/**
 * Reads one block; undefined for an empty one (the archive's end).
 * @throws LanistaError CODE_REFUSED when it is no header
 */
export function parseTarHeader(block: Buffer): TarHeader | undefined {
  if (block.every((byte) => byte === 0)) return undefined
  const sum = block.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0)
  if (sum !== number(block, 148, 8)) throw damaged('a header whose sum does not fit')
  const magic = block.toString('latin1', 257, 262)
  const prefix = magic === 'ustar' && block[262] === 0 ? text(block, 345, 155) : ''
  const name = text(block, 0, 100)
  const type = String.fromCharCode(block[156] ?? 0)
  return {
    path: prefix === '' ? name : `${prefix}/${name}`,
    type: type === '\0' ? '0' : type,
    mode: number(block, 100, 8) & 0o777,
    bytes: number(block, 124, 12),
    target: text(block, 157, 100),
  }
}

/** The records of a pax header: `<length> <key>=<value>\n`, the length counting itself. Throws CODE_REFUSED. */
export function parsePaxRecords(content: Buffer): ReadonlyMap<string, string> {
  const records = new Map<string, string>()
  for (let at = 0; at < content.length; ) {
    const blank = content.indexOf(0x20, at)
    const length = Number(content.toString('latin1', at, blank))
    if (blank < 0 || !(length > 0) || at + length > content.length) throw damaged('a pax record without its length')
    const record = content.toString('utf8', blank + 1, at + length - 1)
    const equals = record.indexOf('=')
    records.set(record.slice(0, equals), record.slice(equals + 1))
    at += length
  }
  return records
}

/** One header block; a path too long for it (100 bytes) goes into a pax header before it, with `paxHeader`. */
export function encodeTarHeader(header: TarHeader): Buffer {
  const block = Buffer.alloc(blockBytes)
  const octal = (value: number, at: number, width: number): void => {
    block.write(value.toString(8).padStart(width - 1, '0'), at, 'latin1')
  }
  block.write(header.path, 0, 100, 'utf8')
  octal(header.mode, 100, 8)
  octal(0, 108, 8)
  octal(0, 116, 8)
  octal(header.bytes, 124, 12)
  octal(0, 136, 12)
  block.fill(0x20, 148, 156)
  block.write(header.type, 156, 'latin1')
  block.write(header.target, 157, 100, 'utf8')
  block.write('ustar\x0000', 257, 'latin1')
  octal(
    block.reduce((total, byte) => total + byte, 0),
    148,
    7,
  )
  block[154] = 0
  return block
}

/** Bytes that fill the last block of a content. */
export function paddingOf(bytes: number): number {
  return (blockBytes - (bytes % blockBytes)) % blockBytes
}

/** An archive that cannot be read. */
export function damaged(found: string): LanistaError {
  return new LanistaError('CODE_REFUSED', `upload the code again: found ${found}, expected a tar or tar.gz archive`)
}

function text(block: Buffer, at: number, width: number): string {
  const end = block.indexOf(0, at)
  return block.toString('utf8', at, end < 0 ? at + width : Math.min(end, at + width))
}

/** Octal digits, or, where the first bit is set, GNU's big-endian number. */
function number(block: Buffer, at: number, width: number): number {
  const first = block[at] ?? 0
  if (first & 0x80) {
    let value = first & 0x7f
    for (let i = at + 1; i < at + width; i++) value = value * 256 + (block[i] ?? 0)
    return value
  }
  const digits = block
    .toString('latin1', at, at + width)
    .replace(/[\0 ]+$/, '')
    .trim()
  if (!/^[0-7]*$/.test(digits)) throw damaged('a header without numbers')
  return digits === '' ? 0 : Number.parseInt(digits, 8)
}
