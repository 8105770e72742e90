/**
 * Known names by their bytes: an open-addressing table that gives the series id of a name without making a string of it.
 *
 * Clients send their names in the same order each time, so each entry remembers which one came after it; comparing with that
 * successor costs less than hashing (`reference/baselines.md` B2: 1.3 times faster). A prediction is always compared whole,
 * so a wrong one costs time only.
 *
 * Bounded by entries, bytes and probes. Names that would go beyond are not remembered: they take the slow way. The seed of
 * the hash is random and a search gives up after `probesMax`, so chosen collisions buy nothing but that slow way.
 */
import { randomInt } from 'node:crypto'

/** Longest name remembered, bytes. */
export const nameBytesMax = 1024

/** Slots looked at before a search gives up. */
const probesMax = 64

export interface NameTableOptions {
  /** Names held at most; 0 remembers nothing. */
  readonly entriesMax: number
  /** Bytes of names held at most. */
  readonly bytesMax: number
}

export class NameTable {
  /** Index of the entry that last came after this one; 0 = none yet. Entry 0 is nobody, before everyone. */
  successors: Uint32Array = new Uint32Array(256)
  readonly #options: NameTableOptions
  readonly #seed = randomInt(2 ** 31)
  #starts = new Uint32Array(256)
  #lengths = new Uint16Array(256)
  #hashes = new Int32Array(256)
  #ids = new Int32Array(256)
  #fields = new Uint8Array(256)
  #slots = new Uint32Array(512)
  #bytes: Buffer = Buffer.alloc(8192)
  #bytesUsed = 0
  #count = 1
  #overflows = 0

  constructor(options: NameTableOptions) {
    this.#options = options
  }

  /** Names held. */
  get size(): number {
    return this.#count - 1
  }

  /** How often a name could not be remembered since the table was made. */
  get overflows(): number {
    return this.#overflows
  }

  /** Series id of an entry. */
  id(entry: number): number {
    return this.#ids[entry] as number
  }

  /** How many fields the lines of this name have: 3, or 4 when it holds the application too. */
  fields(entry: number): number {
    return this.#fields[entry] as number
  }

  /** Where the name of `entry` ends if it stands at `at`, else −1. Reads no further than the first difference. */
  matchEnd(entry: number, buffer: Buffer, at: number): number {
    const bytes = this.#bytes
    const length = this.#lengths[entry] as number
    const start = this.#starts[entry] as number
    for (let i = 0; i < length; i++) {
      if (bytes[start + i] !== buffer[at + i]) return -1
    }
    return at + length
  }

  /** The seeded hash of no bytes: where a hash over bytes begins. */
  get seed(): number {
    return this.#seed
  }

  hash(buffer: Buffer, start: number, end: number): number {
    let hash = this.#seed
    for (let at = start; at < end; at++) hash = hashStep(hash, buffer[at] as number)
    return hash
  }

  /** The entry of the name in [start, end), or 0. */
  find(buffer: Buffer, start: number, end: number, hash: number): number {
    const mask = this.#slots.length - 1
    let slot = spread(hash) & mask
    for (let probe = 0; probe < probesMax; probe++) {
      const entry = this.#slots[slot] as number
      if (entry === 0) return 0
      if (
        this.#hashes[entry] === hash &&
        this.#lengths[entry] === end - start &&
        this.matchEnd(entry, buffer, start) !== -1
      ) {
        return entry
      }
      slot = (slot + 1) & mask
    }
    return 0
  }

  /** Remembers a name that `find` did not find. Returns its entry, or 0 when a bound is reached (counted). */
  add(buffer: Buffer, start: number, end: number, hash: number, id: number, fields: 3 | 4): number {
    const length = end - start
    if (length > nameBytesMax) return 0
    if (this.size >= this.#options.entriesMax) return this.#overflow()
    if (this.#bytesUsed + length > this.#options.bytesMax) return this.#overflow()
    if (this.#count === this.#starts.length) this.#grow()
    if (!this.#place(this.#count, hash)) return this.#overflow()
    if (this.#bytesUsed + length > this.#bytes.length) this.#growBytes(this.#bytesUsed + length)
    const entry = this.#count++
    buffer.copy(this.#bytes, this.#bytesUsed, start, end)
    this.#starts[entry] = this.#bytesUsed
    this.#lengths[entry] = length
    this.#hashes[entry] = hash
    this.#ids[entry] = id
    this.#fields[entry] = fields
    this.successors[entry] = 0
    this.#bytesUsed += length
    return entry
  }

  /** Forgets everything; entries handed out before are only bad predictions from now on. */
  clear(): void {
    this.#slots.fill(0)
    this.#lengths.fill(0)
    this.successors.fill(0)
    this.#count = 1
    this.#bytesUsed = 0
  }

  #overflow(): number {
    this.#overflows++
    return 0
  }

  #place(entry: number, hash: number): boolean {
    const mask = this.#slots.length - 1
    let slot = spread(hash) & mask
    for (let probe = 0; probe < probesMax; probe++) {
      if (this.#slots[slot] === 0) {
        this.#slots[slot] = entry
        return true
      }
      slot = (slot + 1) & mask
    }
    return false
  }

  /** Twice the entries; the slots stay at most half full. An entry whose new neighbourhood is full is found no more. */
  #grow(): void {
    const size = this.#starts.length * 2
    this.#starts = extended(this.#starts, new Uint32Array(size))
    this.#lengths = extended(this.#lengths, new Uint16Array(size))
    this.#hashes = extended(this.#hashes, new Int32Array(size))
    this.#ids = extended(this.#ids, new Int32Array(size))
    this.#fields = extended(this.#fields, new Uint8Array(size))
    this.successors = extended(this.successors, new Uint32Array(size))
    this.#slots = new Uint32Array(size * 2)
    for (let entry = 1; entry < this.#count; entry++) this.#place(entry, this.#hashes[entry] as number)
  }

  #growBytes(needed: number): void {
    const bytes = Buffer.alloc(Math.max(this.#bytes.length * 2, needed))
    this.#bytes.copy(bytes, 0, 0, this.#bytesUsed)
    this.#bytes = bytes
  }
}

/** One step of FNV-1a. */
export function hashStep(hash: number, value: number): number {
  return Math.imul(hash ^ value, 0x01000193)
}

/** FNV's low bits depend on few input bits; fold the high ones in. */
function spread(hash: number): number {
  return hash ^ (hash >>> 15)
}

function extended<A extends Uint32Array | Uint16Array | Int32Array | Uint8Array>(from: A, to: A): A {
  to.set(from)
  return to
}
