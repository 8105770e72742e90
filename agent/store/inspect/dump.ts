/** Everything that is stored, as plain data for people who look into it, part by part in the order in which it lies on disk. */
import { basename } from 'node:path'
import type { DumpEntry } from '#protocol/query/store-dump.ts'
import type { StorePlace } from '#protocol/query/store-place.ts'
import type { Bounds } from '../area/area-keys.ts'
import { allDays } from '../area/area-keys.ts'
import type { BlockArea } from '../area/block-area.ts'
import { decodeStored, decodeStoredPage } from '../area/stored-block.ts'
import { decodeHeader } from '../block/header-reader.ts'
import type { Dictionary } from '../dictionary.ts'
import { decodeRow, rowCount } from '../journal/row-decoder.ts'
import { keyRange, positionOf } from '../keys.ts'
import type { LevelSlot } from '../level-slot.ts'
import type { Tier } from '../tier/tier.ts'
import { decodeWindows } from '../tier/tier-block.ts'
import { reasonOf, seenOf } from './look.ts'

/** An entry, and the place behind which the next one lies. */
export interface PlacedEntry {
  readonly entry: DumpEntry
  readonly place: StorePlace
}

export interface DumpedParts {
  readonly journal: LevelSlot
  readonly local: BlockArea
  readonly tiers: readonly Tier[]
  readonly dictionary: Dictionary
}

/** One part: its entries behind a key, with their keys. */
type Part = (
  after: Uint8Array,
) => Iterable<readonly [Uint8Array, DumpEntry]> | AsyncIterable<readonly [Uint8Array, DumpEntry]>

/** Values read in one step; a step of full rows is some 8 MiB. */
const valuesAStep = 16

/** Everything behind a place: names, rows, blocks, pages, windows of the tiers, and what was put aside. */
export async function* dump(parts: DumpedParts, after?: StorePlace): AsyncGenerator<PlacedEntry> {
  const first = after?.part ?? 0
  for (const [part, entries] of partsOf(parts).entries()) {
    if (part < first) continue
    const key = part === after?.part ? after.key : new Uint8Array(0)
    for await (const [at, entry] of entries(key)) yield { entry, place: { part, key: at } }
  }
}

function partsOf({ journal, local, tiers, dictionary }: DumpedParts): Part[] {
  const [blocks, pages] = allDays() as readonly [Bounds, Bounds]
  const nameOf = (seriesId: number): string | undefined =>
    seriesId < dictionary.size ? dictionary.entry(seriesId).name : undefined
  const tierSlots = tiers.map(({ area }) => area.slot)
  return [
    (after) => series(dictionary, after),
    stored(journal, keyRange('j'), rowEntry),
    stored(local.slot, blocks, (key, value) => blockEntry(key, value, nameOf)),
    stored(local.slot, pages, pageEntry),
    ...tierSlots.map((slot) => stored(slot, blocks, (key, value) => tierEntry(key, value, nameOf))),
    ...[journal, local.slot, ...tierSlots].map((slot) =>
      stored(slot, keyRange('q'), (key, value) => ({
        kind: 'quarantined',
        key: Buffer.from(key).toString('hex'),
        bytes: value.length,
      })),
    ),
  ]
}

function* series(dictionary: Dictionary, after: Uint8Array): Generator<readonly [Uint8Array, DumpEntry]> {
  const begin = after.length === 4 ? Buffer.from(after).readUInt32BE() + 1 : 0
  for (let seriesId = begin; seriesId < dictionary.size; seriesId++) {
    const key = Buffer.alloc(4)
    key.writeUInt32BE(seriesId)
    const { name, unit } = dictionary.entry(seriesId)
    yield [key, { kind: 'series', database: 'journal', seriesId, series: name, ...(unit !== undefined && { unit }) }]
  }
}

/** The entries of a range of keys in one database. */
function stored(
  slot: LevelSlot,
  { gte, lt }: Bounds,
  entryOf: (key: Uint8Array, value: Uint8Array) => Omit<DumpEntry, 'database'>,
): Part {
  const database = basename(slot.folder)
  return async function* (after) {
    const from = Buffer.compare(after, gte) > 0 ? { gt: after } : { gte }
    const iterator = slot.level.iterator({ ...from, lt, fillCache: false })
    try {
      for (let step = await iterator.nextv(valuesAStep); step.length > 0; step = await iterator.nextv(valuesAStep)) {
        for (const [key, value] of step) yield [key, { database, ...entryOf(key, value) }] as const
      }
    } finally {
      await iterator.close()
    }
  }
}

function rowEntry(key: Uint8Array, row: Uint8Array): Omit<DumpEntry, 'database'> {
  const to = positionOf(key)
  const from = to - Math.max(1, rowCount(row)) + 1
  return { kind: 'row', from, to, bytes: row.length, ...readable(() => rowFacts(row)) }
}

function blockEntry(
  key: Uint8Array,
  value: Uint8Array,
  nameOf: (seriesId: number) => string | undefined,
): Omit<DumpEntry, 'database'> {
  const { day, seriesId, sequence, from, to, bytes } = decodeStored(key, value)
  const place = { kind: 'block', seriesId, series: nameOf(seriesId), day, sequence, from, to } as const
  return {
    ...place,
    bytes: bytes.length,
    ...readable(() => {
      const { count, t0Ms, t1Ms, stepMs, valueCodec, timeCodec } = decodeHeader(bytes)
      return { samples: count, firstMs: t0Ms, lastMs: t1Ms, stepMs, codec: `${timeCodec}/${valueCodec}` }
    }),
  }
}

function pageEntry(key: Uint8Array, value: Uint8Array): Omit<DumpEntry, 'database'> {
  const { day, group, sequence, from, to, bytes } = decodeStoredPage(key, value)
  return { kind: 'page', day, group, sequence, from, to, bytes: bytes.length, ...readable(() => rowFacts(bytes)) }
}

function tierEntry(
  key: Uint8Array,
  value: Uint8Array,
  nameOf: (seriesId: number) => string | undefined,
): Omit<DumpEntry, 'database'> {
  const { day, seriesId, sequence, bytes } = decodeStored(key, value)
  return {
    kind: 'tier',
    seriesId,
    series: nameOf(seriesId),
    day,
    sequence,
    bytes: bytes.length,
    ...readable(() => {
      const { count, minMs, maxMs } = seenOf(decodeWindows(bytes).startsMs)
      return { samples: count, firstMs: minMs, lastMs: maxMs, codec: 'windows' }
    }),
  }
}

function rowFacts(row: Uint8Array): Partial<DumpEntry> {
  const { seriesIds, timestampsMs } = decodeRow(row)
  const { count, minMs, maxMs } = seenOf(timestampsMs)
  return { seriesCount: new Set(seriesIds).size, samples: count, firstMs: minMs, lastMs: maxMs, codec: 'row' }
}

/** What there is to say, or why it cannot be read. */
function readable(read: () => Partial<DumpEntry>): Partial<DumpEntry> {
  try {
    return read()
  } catch (error) {
    return { damage: reasonOf(error) }
  }
}
