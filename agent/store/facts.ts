import { randomBytes } from 'node:crypto'
import { LanistaError } from '#protocol/errors.ts'
import { type ArrivalRange, RangeSet } from '#protocol/samples/arrival.ts'
import { Arrivals } from './arrivals.ts'
import { Dictionary } from './dictionary.ts'
import { decodePage, encodePage } from './dictionary-page.ts'
import { lastPosition } from './journal/journal-reader.ts'
import { keyRange, nameKey, nameOf, pageFirstId, pageKey } from './keys.ts'
import type { Level } from './level.ts'
import { reasonOf } from './level.ts'
import type { StoreDamage } from './options.ts'

/** Positions set aside by one synced write: none of them is ever given out again after a crash. */
export const reserveAhead: number = 2 ** 24

/** Version of the whole layout; a newer one is refused. */
export const layoutVersion = 1

/** The one record that makes a folder a store. */
export interface StoreFact {
  readonly version: number
  readonly storeId: string
  /** How many times it was opened; the ring's start number. */
  readonly starts: number
  /** No position above this has been given out. */
  readonly reservedTo: number
}

/** Everything that is read before the first sample can be taken. */
export interface Opened {
  readonly fact: StoreFact
  readonly dictionary: Dictionary
  readonly consumers: ReadonlyMap<string, Arrivals>
  /** Positions that no sample has: skipped at an opening, or dropped. */
  readonly voids: RangeSet
  /** The first position of this opening. */
  readonly first: number
  /** What is in blocks; its sequence is one that no block has. */
  readonly sealed: SealedFact
  /** Bytes of the journal rows whose samples are all in blocks. */
  readonly sealedRowBytes: number
}

/** How far sealing has come. */
export interface SealedFact {
  /** Samples up to this position are in blocks. */
  readonly to: number
  /** Highest sequence of a block that may exist. */
  readonly sequence: number
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/**
 * Reads the facts, skips ahead past every position that may have been given out, and writes that down, synced.
 * @param dictionary empty; filled with the names
 */
export async function readFacts(
  level: Level,
  report: (damage: StoreDamage) => void,
  dictionary: Dictionary = new Dictionary(),
): Promise<Opened> {
  const known = parseFact(await level.get(nameKey('m', 'store')))
  const last = await lastPosition(level)
  const first = Math.max(last, known?.reservedTo ?? 0) + 1
  const fact: StoreFact = {
    version: layoutVersion,
    storeId: known?.storeId ?? randomBytes(16).toString('hex'),
    starts: (known?.starts ?? 0) + 1,
    reservedTo: first + reserveAhead,
  }
  const voids = new RangeSet(parseRanges(await level.get(nameKey('m', 'voids'))) ?? [])
  if (first > last + 1) voids.add({ from: last + 1, to: first - 1 })
  await readDictionary(level, dictionary, report)
  const consumers = await readConsumers(level, voids, report)
  const before = parseSealed(await level.get(nameKey('m', 'sealed')))
  // a sealing that was cut off has used one more sequence than it could write down
  const sealed = { to: before.to, sequence: before.sequence + 1 }
  const batch = level.batch()
  batch.put(nameKey('m', 'store'), jsonBytes(fact)).put(nameKey('m', 'voids'), jsonBytes(voids.ranges))
  batch.put(nameKey('m', 'sealed'), jsonBytes(sealed))
  await batch.write({ sync: true })
  const sealedRowBytes = parseJson(await level.get(nameKey('m', 'journal')))
  return {
    fact,
    dictionary,
    consumers,
    voids,
    first,
    sealed,
    sealedRowBytes: isPosition(sealedRowBytes) ? sealedRowBytes : 0,
  }
}

async function readDictionary(
  level: Level,
  dictionary: Dictionary,
  report: (damage: StoreDamage) => void,
): Promise<void> {
  for await (const [key, page] of level.iterator(keyRange('n'))) {
    const firstId = pageFirstId(key)
    try {
      const entries = decodePage(page)
      while (dictionary.size < firstId) dictionary.adopt(lostName(dictionary.size))
      if (dictionary.size > firstId) throw new LanistaError('DICTIONARY_PAGE_CORRUPT', 'pages overlap')
      for (const { name, unit } of entries) dictionary.adopt(name, unit)
    } catch (error) {
      const aside = Uint8Array.from(key).fill('q'.charCodeAt(0), 0, 1)
      await level.batch().put(aside, page).del(key).write()
      report({ kind: 'dictionary', firstId, reason: reasonOf(error) })
    }
  }
  dictionary.markStored(dictionary.size)
}

/** The name under which samples stay readable whose own name was on a page that is gone. */
export function lostName(id: number): string {
  return `_lost.series.${id}`
}

async function readConsumers(
  level: Level,
  voids: RangeSet,
  report: (damage: StoreDamage) => void,
): Promise<Map<string, Arrivals>> {
  const consumers = new Map<string, Arrivals>()
  for await (const [key, value] of level.iterator(keyRange('c'))) {
    const ranges = parseRanges(value)
    const name = nameOf(key)
    if (!ranges) report({ kind: 'consumer', name, reason: 'its acknowledged ranges cannot be read' })
    const arrivals = new Arrivals(ranges)
    for (const range of voids.ranges) arrivals.acknowledge(range)
    consumers.set(name, arrivals)
  }
  return consumers
}

/** A page with the entries from `firstId` on, ready for a batch. */
export function dictionaryPages(dictionary: Dictionary, pageEntries: number): { key: Uint8Array; page: Uint8Array }[] {
  const pages: { key: Uint8Array; page: Uint8Array }[] = []
  for (let from = dictionary.stored; from < dictionary.size; from += pageEntries) {
    const to = Math.min(dictionary.size, from + pageEntries)
    pages.push({ key: pageKey(from), page: encodePage(dictionary.entries(from, to)) })
  }
  return pages
}

/** A value of a `c` or `m` key. */
export function jsonBytes(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value))
}

function parseFact(value: Uint8Array | undefined): StoreFact | undefined {
  const fact = parseJson(value) as Partial<StoreFact> | undefined
  if (typeof fact?.storeId !== 'string' || !isPosition(fact.reservedTo) || !isPosition(fact.starts)) return undefined
  if (fact.version !== layoutVersion) {
    throw new LanistaError(
      'STORE_VERSION',
      `open this store with a newer lanista: found layout version ${fact.version}, expected ${layoutVersion}`,
    )
  }
  return { version: layoutVersion, storeId: fact.storeId, starts: fact.starts, reservedTo: fact.reservedTo }
}

function parseSealed(value: Uint8Array | undefined): SealedFact {
  const sealed = parseJson(value) as Partial<SealedFact> | undefined
  if (!isPosition(sealed?.to) || !isPosition(sealed?.sequence)) return { to: 0, sequence: 0 }
  return { to: sealed.to, sequence: sealed.sequence }
}

function parseRanges(value: Uint8Array | undefined): ArrivalRange[] | undefined {
  const ranges = parseJson(value)
  if (!Array.isArray(ranges)) return undefined
  const isRange = (range: Partial<ArrivalRange> | null): range is ArrivalRange =>
    isPosition(range?.from) && isPosition(range?.to) && range.from <= range.to
  return (ranges as Partial<ArrivalRange>[]).every(isRange) ? (ranges as ArrivalRange[]) : undefined
}

function parseJson(value: Uint8Array | undefined): unknown {
  if (!value) return undefined
  try {
    return JSON.parse(decoder.decode(value))
  } catch {
    return undefined
  }
}

function isPosition(n: unknown): n is number {
  return Number.isSafeInteger(n) && (n as number) >= 0
}
