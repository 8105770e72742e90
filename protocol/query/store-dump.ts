/** What `lanista store dump` says of each thing in a store: an agent's answer to `dump`, and the same of a stopped agent. */
import * as z from 'zod/mini'
import { placeSchema } from './store-place.ts'

/** `series`: a name of the dictionary; `row`: of the journal; `page`: what series with few samples share; `tier`: windows of one. */
export const dumpKinds = ['series', 'row', 'block', 'page', 'tier', 'quarantined'] as const

/** One thing that is stored, where it lies, how large it is; what does not apply is left out. */
export interface DumpEntry {
  readonly kind: (typeof dumpKinds)[number]
  /** The database: `journal`, `local`, `tier-600000`. */
  readonly database: string
  readonly seriesId?: number | undefined
  /** Canonical text. */
  readonly series?: string | undefined
  readonly unit?: string | undefined
  /** Of a row or page: how many series it has. */
  readonly seriesCount?: number | undefined
  /** Days since 1970. */
  readonly day?: number | undefined
  /** Of a page: 64 × this is the first series id that may be in it. */
  readonly group?: number | undefined
  readonly sequence?: number | undefined
  /** Arrival positions. */
  readonly from?: number | undefined
  readonly to?: number | undefined
  readonly samples?: number | undefined
  readonly firstMs?: number | undefined
  readonly lastMs?: number | undefined
  readonly stepMs?: number | undefined
  readonly bytes?: number | undefined
  /** How times and values are written, `row` for rows and pages. */
  readonly codec?: string | undefined
  /** Key in hex, of what is quarantined. */
  readonly key?: string | undefined
  /** Why it cannot be read. */
  readonly damage?: string | undefined
}

/** Some of a dump, and where the next page begins; absent = it is whole. */
export interface DumpPage {
  readonly entries: readonly DumpEntry[]
  readonly next?: string | undefined
}

/** Entries in one page at most. */
export const dumpEntriesMax = 4_096

const text = z.optional(z.string().check(z.maxLength(8_192)))
const number = z.optional(z.number())

/** One entry as it is read back. */
export const dumpEntrySchema: z.ZodMiniType<DumpEntry> = z.object({
  kind: z.enum(dumpKinds),
  database: z.string().check(z.maxLength(64)),
  seriesId: number,
  series: text,
  unit: text,
  seriesCount: number,
  day: number,
  group: number,
  sequence: number,
  from: number,
  to: number,
  samples: number,
  firstMs: number,
  lastMs: number,
  stepMs: number,
  bytes: number,
  codec: text,
  key: text,
  damage: text,
})

/** What an agent answers to `dump`. */
export const dumpPageSchema: z.ZodMiniType<DumpPage> = z.object({
  entries: z.array(dumpEntrySchema).check(z.maxLength(dumpEntriesMax)),
  next: z.optional(placeSchema),
})
