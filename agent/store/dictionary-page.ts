/**
 * Series names on disk: pages of consecutive ids, the first of which stands in the key.
 *
 * ```
 * crc32c u32le over all that follows | version u8 = 1 | form u8: 0 plain, 1 deflate-raw | text
 * ```
 * The text is UTF-8, one line an entry, `\n` between them: the canonical name, and `\t` and the unit where there is one.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { LanistaError } from '#protocol/errors.ts'
import { crc32c } from './block/crc32c.ts'
import type { SeriesEntry } from './store.ts'

const pageVersion = 1
const headerBytes = 6

/** Entries in one page at most. */
export const pageEntriesMax = 4096
/** Bytes of the text of one page at most: names of 512 bytes with 64 tags stay far below. */
const textBytesMax = 64 * 1024 * 1024

export function encodePage(entries: readonly SeriesEntry[]): Uint8Array {
  const text = Buffer.from(entries.map(line).join('\n'))
  const deflated = text.length > 256 ? deflateRawSync(text) : text
  const isSmaller = deflated.length < text.length
  const page = Buffer.concat([Buffer.alloc(headerBytes), isSmaller ? deflated : text])
  page[4] = pageVersion
  page[5] = isSmaller ? 1 : 0
  page.writeUInt32LE(crc32c(page.subarray(4)), 0)
  return page
}

/** Throws DICTIONARY_PAGE_CORRUPT. */
export function decodePage(page: Uint8Array): SeriesEntry[] {
  const bytes = Buffer.from(page.buffer, page.byteOffset, page.byteLength)
  if (bytes.length < headerBytes || bytes.readUInt32LE(0) !== crc32c(bytes.subarray(4)) || bytes[4] !== pageVersion) {
    throw new LanistaError(
      'DICTIONARY_PAGE_CORRUPT',
      `skip this page of series names: found ${bytes.length} bytes that no version ${pageVersion} page has`,
    )
  }
  const body = bytes.subarray(headerBytes)
  const text = bytes[5] === 1 ? inflateRawSync(body, { maxOutputLength: textBytesMax }) : body
  return text.toString().split('\n').map(entry)
}

function line(entry: SeriesEntry): string {
  const unit = entry.unit?.replaceAll(/[\t\n]/g, ' ')
  return unit === undefined ? entry.name : `${entry.name}\t${unit}`
}

function entry(text: string): SeriesEntry {
  const [name = '', unit] = text.split('\t')
  return unit === undefined ? { name } : { name, unit }
}
