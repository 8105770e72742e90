/** Answers to `control.store`: what the agent's store says of itself, and its own upkeep on request. */
import { encodeJsonAnswer } from '#protocol/query/answer.ts'
import { damagesListedMax, type FoundDamage, type StoreAsk } from '#protocol/query/store-ask.ts'
import { type DumpEntry, type DumpPage, dumpEntriesMax } from '#protocol/query/store-dump.ts'
import { formatPlace, parsePlace, type StorePlace } from '#protocol/query/store-place.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { StoreReport } from '../store/report.ts'
import type { HistoryStore } from '../store/store.ts'
import { Breath } from './breath.ts'

/** A stretch of a repair, and a page of a dump, end after this long, ms: a repair at the end of a day of samples. */
const stretchMs = 2_000
const dumpMs = 1_000
/** A repair rests this long, ms, after each stretch of work, so that it takes about half a core. */
const restMs = 4
/** JSON of the entries in one page of a dump, bytes: JSON messages may have 262,144. */
const dumpBytesMax = 240_000

export interface StoreAnswerDeps {
  readonly store: Pick<HistoryStore, 'report' | 'check' | 'repair' | 'dump'>
  readonly clock: Pick<Clock, 'monotonic' | 'sleep'>
  /** Samples of other hosts that are held here; absent = none. */
  readonly heldSamples?: (() => number) | undefined
}

/** The answer to an ask. Rejects with the signal's reason; a repair then leaves aside what it has put aside. */
export async function answerStore(ask: StoreAsk, deps: StoreAnswerDeps, signal: AbortSignal): Promise<Uint8Array> {
  const after = ask.after === undefined ? undefined : parsePlace(ask.after)
  switch (ask.what) {
    case 'report':
      return encodeJsonAnswer(await report(deps))
    case 'check':
      return encodeJsonAnswer(listed(await deps.store.check(signal)))
    case 'repair':
      return encodeJsonAnswer(listed(await repairStretch(after, deps, signal)))
    case 'dump':
      return encodeJsonAnswer(await dumpPage(after, deps, signal))
  }
}

/** The store's own sizes, with how many samples the ring has put into the shared area. */
async function report({ store, heldSamples }: StoreAnswerDeps): Promise<StoreReport> {
  const sizes = await store.report()
  const shared = { ...sizes.areas.shared, points: heldSamples?.() ?? 0 }
  return { ...sizes, areas: { ...sizes.areas, shared } }
}

function repairStretch(
  after: StorePlace | undefined,
  { store, clock }: StoreAnswerDeps,
  signal: AbortSignal,
): ReturnType<HistoryStore['repair']> {
  const breath = new Breath(clock, signal)
  const endAt = clock.monotonic() + stretchMs
  return store.repair({
    after,
    isOver: () => clock.monotonic() >= endAt,
    pause: async () => {
      if (!breath.isDue) return
      await clock.sleep(restMs, signal)
      await breath.take()
    },
  })
}

async function dumpPage(
  after: StorePlace | undefined,
  { store, clock }: StoreAnswerDeps,
  signal: AbortSignal,
): Promise<DumpPage> {
  const breath = new Breath(clock, signal)
  const endAt = clock.monotonic() + dumpMs
  const entries: DumpEntry[] = []
  let bytes = 0
  let last: StorePlace | undefined
  for await (const { entry, place } of store.dump(after)) {
    bytes += Buffer.byteLength(JSON.stringify(entry)) + 1
    const isFull = bytes > dumpBytesMax || entries.length >= dumpEntriesMax || clock.monotonic() >= endAt
    if (last && isFull) return { entries, next: formatPlace(last) }
    entries.push(entry)
    last = place
    if (breath.isDue) await breath.take()
  }
  return { entries }
}

/** As many damages as an answer may list. */
function listed<T extends { readonly damages: readonly FoundDamage[] }>(report: T): T {
  const damages = report.damages.slice(0, damagesListedMax).map(({ kind, where, reason }) => ({
    kind,
    where: where.slice(0, 1000),
    reason: reason.slice(0, 1000),
  }))
  return { ...report, damages }
}
