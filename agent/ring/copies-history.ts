/**
 * Reads what is held of another host as its own store would answer. Copies lie in the order of arrival, so a read goes through all of
 * them once and picks what it was asked for; it is for the time after a host is lost, not for every day.
 */
import { alignedRange } from '#protocol/aggregation/windows.ts'
import { isLanistaError, LanistaError } from '#protocol/errors.ts'
import { parseSeries } from '#protocol/metrics/series.ts'
import { decodeSamples } from '#protocol/samples/decoder.ts'
import { commonStepMs, orderByTime } from '../store/memory/time-order.ts'
import type { ReadRequest, SamplesPiece, SamplesRequest, WindowsPiece, WindowsRequest } from '../store/query/history.ts'
import { WindowFeed } from '../store/query/window-feed.ts'
import type { HistoryStore, SeriesEntry } from '../store/store.ts'
import { type Lane, laneKey } from './lane.ts'
import type { ReplicaStore } from './replica-store.ts'

/** What a query needs of a store. */
export type HistorySource = Pick<HistoryStore, 'read' | 'windows' | 'seriesCount' | 'seriesEntry'>

/** Samples that one read may pick, but for the newest alone; 16 bytes each. More is QUERY_TOO_LARGE. */
export const samplesPickedMax: number = 2 ** 22

export class CopiesHistory implements HistorySource {
  readonly #replicas: Pick<ReplicaStore, 'rowsOf'>
  readonly #owner: string
  readonly #entries: SeriesEntry[] = []
  /** By lane: the id here of each of its series. */
  readonly #ids = new Map<string, readonly number[]>()

  private constructor(replicas: Pick<ReplicaStore, 'rowsOf'>, owner: string) {
    this.#replicas = replicas
    this.#owner = owner
  }

  /** @param lanes of the owner, the oldest first, so that ids stay the same as names are added */
  static async open(
    replicas: Pick<ReplicaStore, 'rowsOf' | 'readNames'>,
    owner: string,
    lanes: readonly Lane[],
  ): Promise<CopiesHistory> {
    const history = new CopiesHistory(replicas, owner)
    const known = new Map<string, number>()
    for (const lane of lanes) {
      const names = await replicas.readNames(owner, lane, 0, Number.MAX_SAFE_INTEGER)
      history.#ids.set(
        laneKey(lane),
        names.map((entry) => {
          const id = known.get(entry.name) ?? history.#entries.push(entry) - 1
          known.set(entry.name, id)
          return id
        }),
      )
    }
    return history
  }

  get seriesCount(): number {
    return this.#entries.length
  }

  seriesEntry(id: number): SeriesEntry {
    const entry = this.#entries[id]
    if (!entry) throw new RangeError(`look up a known series: found id ${id}, expected 0 … ${this.seriesCount - 1}`)
    return entry
  }

  async *read(request: SamplesRequest): AsyncGenerator<SamplesPiece> {
    for (const { seriesId, timestampsMs, values } of await this.#pick(request)) {
      const start = request.newest ? timestampsMs.length - 1 : 0
      const times = timestampsMs.subarray(start)
      const stepMs = commonStepMs(times)
      yield { seriesId, ...this.seriesEntry(seriesId), timestampsMs: times, values: values.subarray(start), stepMs }
    }
  }

  async *windows(request: WindowsRequest): AsyncGenerator<WindowsPiece> {
    const { function: functionName, stepMs } = request
    const aligned = stepMs === undefined ? undefined : alignedRange(stepMs, request.fromMs, request.untilMs)
    const range = aligned ? { fromMs: aligned.fromMs, untilMs: aligned.beforeMs - 1 } : request
    // made once before anything is read, so that an unknown function costs nothing
    let feed = new WindowFeed(functionName, stepMs, range.fromMs)
    for (const { seriesId, timestampsMs, values } of await this.#pick({ ...request, ...range })) {
      feed.samples({ timestampsMs, values })
      const windows = feed.finish()
      if (windows.length > 0) yield { seriesId, ...this.seriesEntry(seriesId), windows }
      feed = new WindowFeed(functionName, stepMs, range.fromMs)
    }
  }

  /** The samples asked for, by series, in time order, each time once: of several the one that arrived last. */
  async #pick(request: SamplesRequest): Promise<readonly Picked[]> {
    const columns = new Map<number, Columns>()
    for (const id of this.#wanted(request)) columns.set(id, new Columns())
    let picked = 0
    for await (const { storeId, start, rows } of this.#replicas.rowsOf(this.#owner)) {
      request.signal?.throwIfAborted()
      picked += this.#pickFrom(rows, this.#ids.get(laneKey({ storeId, start })) ?? [], request, columns)
      if (picked > samplesPickedMax) throw tooLarge()
    }
    return [...columns].flatMap(([seriesId, series]) => (series.count === 0 ? [] : [{ seriesId, ...series.inOrder() }]))
  }

  *#wanted({ matches, seriesIds }: ReadRequest): Generator<number> {
    for (let i = 0; i < (seriesIds?.length ?? this.seriesCount); i++) {
      const id = seriesIds?.[i] ?? i
      const series = parseSeries(this.seriesEntry(id).name)
      if (typeof series !== 'string' && matches(series)) yield id
    }
  }

  #pickFrom(
    rows: Uint8Array,
    ids: readonly number[],
    { fromMs, untilMs, newest }: SamplesRequest,
    columns: ReadonlyMap<number, Columns>,
  ): number {
    const batch = decoded(rows)
    if (batch?.kind !== 'batch') return 0
    let picked = 0
    for (let i = 0; i < batch.seriesIds.length; i++) {
      const time = batch.timestampsMs[i] as number
      const series = time < fromMs || time > untilMs ? undefined : columns.get(ids[batch.seriesIds[i] as number] ?? -1)
      if (!series) continue
      const value = batch.values[i] as number
      if (newest) series.keepNewest(time, value)
      else series.push(time, value)
      picked += newest ? 0 : 1
    }
    return picked
  }
}

interface Picked {
  readonly seriesId: number
  readonly timestampsMs: Float64Array
  readonly values: Float64Array
}

/** The samples of one series, in order of arrival. */
class Columns {
  #times = new Float64Array(64)
  #values = new Float64Array(64)
  count = 0

  push(timestampMs: number, value: number): void {
    if (this.count === this.#times.length) {
      this.#times = grown(this.#times)
      this.#values = grown(this.#values)
    }
    this.#times[this.count] = timestampMs
    this.#values[this.count++] = value
  }

  /** Has the newest sample alone; of several at one time the one that arrived last. */
  keepNewest(timestampMs: number, value: number): void {
    if (this.count > 0 && timestampMs < (this.#times[0] as number)) return
    this.count = 0
    this.push(timestampMs, value)
  }

  inOrder(): { readonly timestampsMs: Float64Array; readonly values: Float64Array } {
    const count = orderByTime(this.#times, this.#values, this.count)
    return { timestampsMs: this.#times.subarray(0, count), values: this.#values.subarray(0, count) }
  }
}

function grown(column: Float64Array): Float64Array<ArrayBuffer> {
  const more = new Float64Array(column.length * 2)
  more.set(column)
  return more
}

/** Rows that are no samples are passed over: their checksum was right, so their owner sent them so. */
function decoded(rows: Uint8Array): ReturnType<typeof decodeSamples> | undefined {
  try {
    return decodeSamples(rows)
  } catch (error) {
    if (isLanistaError(error, 'SAMPLES_INVALID')) return undefined
    throw error
  }
}

function tooLarge(): LanistaError {
  return new LanistaError(
    'QUERY_TOO_LARGE',
    `ask for fewer series or a shorter time: found more than ${samplesPickedMax} samples among copies`,
  )
}
