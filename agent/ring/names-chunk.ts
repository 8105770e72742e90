import { decodeSamples } from '#protocol/samples/decoder.ts'
import { encodeDictionary } from '#protocol/samples/encoder.ts'
import type { DictionaryEntry } from '#protocol/samples/format.ts'

/** Names in one message at most, by number and by bytes of text. */
const entriesMax = 2048
const textBytesMax = 262_144

/** Series names as they travel: a dictionary chunk of `protocol/samples`, no bytes when there are none. */
export interface NamesChunk {
  readonly firstId: number
  readonly count: number
  readonly entries: Uint8Array
}

/** As many of the names as fit into one message. */
export function encodeNames(storeId: string, firstId: number, names: readonly DictionaryEntry[]): NamesChunk {
  let bytes = 0
  let count = 0
  for (const { name, unit = '' } of names) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(unit)
    if (count >= entriesMax || (count > 0 && bytes > textBytesMax)) break
    count++
  }
  const entries = count === 0 ? new Uint8Array(0) : encodeDictionary(storeId, firstId, names.slice(0, count))
  return { firstId, count, entries }
}

/** The names in a chunk; throws SAMPLES_INVALID, undefined when it is not what its message says. */
export function decodeNames(storeId: string, chunk: NamesChunk): readonly DictionaryEntry[] | undefined {
  if (chunk.count === 0) return []
  const message = decodeSamples(chunk.entries)
  if (message.kind !== 'dictionary' || message.storeId !== storeId) return undefined
  return message.firstId === chunk.firstId && message.entries.length === chunk.count ? message.entries : undefined
}
