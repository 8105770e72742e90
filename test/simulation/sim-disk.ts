import type { Opening } from '#agent/ring/lane.ts'
import { MemoryCopies } from '#agent/ring/memory-copies.ts'
import type { ArrivalRange } from '#protocol/samples/arrival.ts'
import type { DictionaryEntry } from '#protocol/samples/format.ts'

/** Content of a position that was skipped. */
const nothing = -1

/** What is on the disk for certain, for a snapshot of a machine. */
export interface DiskImage {
  readonly storeId: string
  readonly session: number
  readonly openings: readonly Opening[]
  readonly samples: readonly number[]
  readonly names: readonly string[]
}

/**
 * A host's disk: its own store, a journal of sample contents by position that lasts as far as it was synced, and the shared area.
 * Worse than the real store on purpose: positions lost in a crash are given out again by the next start.
 */
export class SimDisk {
  storeId: string
  session = 0
  openings: readonly Opening[] = []
  copies: MemoryCopies = new MemoryCopies()
  #samples: number[] = []
  #names: string[] = []
  #syncedTo = 0

  constructor(storeId: string) {
    this.storeId = storeId
  }

  get syncedTo(): number {
    return this.#syncedTo
  }

  get nextPosition(): number {
    return this.#samples.length + 1
  }

  /** What series are called, by id, as far as samples use them. */
  get names(): readonly string[] {
    return this.#names
  }

  /** A series that is new is called after the start that met it first: what a lost disk, or a clone, calls it is another name. */
  append(content: number): void {
    const count = namesAt(this.#samples.push(content))
    const start = this.openings.at(-1)?.start ?? 0
    while (this.#names.length < count) this.#names.push(`${this.#names.length} of ${start}`)
  }

  sync(): void {
    this.#syncedTo = this.#samples.length
    this.copies.sync()
  }

  /** Power is lost. */
  crash(): void {
    this.#samples.length = this.#syncedTo
    this.#forgetNames()
    this.copies.crash()
  }

  #forgetNames(): void {
    this.#names.length = Math.min(this.#names.length, namesAt(this.#samples.length))
  }

  /** The journal's end is unreadable: the last `count` synced samples are gone. */
  loseTail(count: number): void {
    this.#samples.length = Math.max(0, this.#samples.length - count)
    this.#syncedTo = Math.min(this.#syncedTo, this.#samples.length)
    this.#forgetNames()
  }

  image(): DiskImage {
    const { storeId, session, openings } = this
    const names = this.#names.slice(0, namesAt(this.#syncedTo))
    return { storeId, session, openings, samples: this.#samples.slice(0, this.#syncedTo), names }
  }

  static ofImage({ storeId, session, openings, samples, names }: DiskImage): SimDisk {
    const disk = new SimDisk(storeId)
    disk.session = session
    disk.openings = openings
    disk.#samples = [...samples]
    disk.#names = [...names]
    disk.#syncedTo = samples.length
    return disk
  }

  /** As an opening does: leaves positions out, for ever. */
  skip(count: number): void {
    for (let i = 0; i < count; i++) this.#samples.push(nothing)
  }

  /** The first run of samples in a range. */
  read({ from, to }: ArrivalRange): { readonly from: number; readonly contents: number[] } | undefined {
    let first = from
    while (first <= to && (this.#samples[first - 1] ?? nothing) === nothing) first++
    let end = first
    while (end <= to && (this.#samples[end - 1] ?? nothing) !== nothing) end++
    return end > first ? { from: first, contents: this.#samples.slice(first - 1, end - 1) } : undefined
  }
}

/** Contents as the opaque bytes of rows. */
export function rowsOf(contents: readonly number[]): Uint8Array {
  return new Uint8Array(Float64Array.from(contents).buffer)
}

/** The contents in rows. */
export function contentsOf(rows: Uint8Array): number[] {
  return [...new Float64Array(rows.slice().buffer)]
}

/** Names as the opaque bytes of a message. */
export function bytesOf(names: readonly string[]): Uint8Array {
  return Buffer.from(names.join('\n'))
}

/** The names in the bytes of a message. */
export function namesOf(bytes: Uint8Array): DictionaryEntry[] {
  return new TextDecoder()
    .decode(bytes)
    .split('\n')
    .map((name) => ({ name }))
}

/** Series names grow with positions, so that names must travel too: ids below this are used up to a position. */
export function namesAt(position: number): number {
  return Math.ceil(position / 25)
}
