/**
 * The replica's side: takes rows from their owner alone, says so only when they are synced, and takes back what it said before
 * it lets anything go. Room is shared fairly: when the shared area is nearly full, the owner that is furthest above an equal
 * share loses its oldest rows, and hears of it first.
 */
import type { ArrivalRange } from '#protocol/samples/arrival.ts'
import { Holdings } from './holdings.ts'
import type { KeeperAction, KeptRows, OwnerCopies, OwnerFacts } from './keeper-actions.ts'
import { type Lane, type LaneHolding, laneKey, startMax } from './lane.ts'
import { LaneNames } from './lane-names.ts'
import type { RingMutant } from './mutant.ts'
import type { NamesChunk } from './names-chunk.ts'
import type { Append, Hello, Names, Refusal, RingMessage } from './ring-message.ts'
import { Withdrawals, type WithdrawalsOptions } from './withdrawals.ts'

export interface KeeperOptions extends WithdrawalsOptions {
  readonly host: string
  /** Bytes of other hosts' rows at most. */
  readonly bytesMax: number
  /** Bytes on their way to the disk at most; more is refused as `busy`. Default 8 MiB. */
  readonly writingBytesMax: number
  /** Owners held at most, and lanes of one owner. Default 1,000 each. */
  readonly ownersMax: number
  readonly lanesMax: number
  readonly mutant?: RingMutant | undefined
}

export const keeperDefaults: Omit<KeeperOptions, 'host' | 'bytesMax'> = {
  writingBytesMax: 8_388_608,
  ownersMax: 1000,
  lanesMax: 1000,
  withdrawRetryMs: 5000,
  withdrawTimeoutMs: 60_000,
}

/** Writes under way at most that bring no bytes of rows. */
const writesMax = 1000
/** Eviction begins at this part of the quota, and ends at the lower one. */
const evictAbove = 0.9
const evictTo = 0.85

interface Copies {
  zone: string
  start: number
  /** The newest start that is known to be on disk. */
  syncedStart: number
  /** When that start was last heard from; −Infinity = not in this life. */
  heardAtMs: number
  holdings: Holdings
  readonly names: LaneNames
  bytes: number
  withdrawals: number
}

/** Whom to answer when it is on disk, and to what. */
interface Answer {
  readonly to: string
  /** The start that asked: what is said of names is said of its own. */
  readonly start: number
  readonly hello?: Hello | undefined
}

interface Writing {
  readonly facts: OwnerFacts
  readonly rows: KeptRows | undefined
  readonly answer: Answer | undefined
}

export class Keeper {
  readonly #options: KeeperOptions
  readonly #life: number
  readonly #owners = new Map<string, Copies>()
  readonly #writing = new Map<number, Writing>()
  readonly #withdrawals: Withdrawals
  #nowMs = 0
  #writingBytes = 0
  #bytes = 0
  #nextId = 1
  #evicting: string | undefined

  /** @param life the start number of this agent */
  constructor(options: KeeperOptions, life: number, copies: readonly OwnerCopies[]) {
    this.#options = options
    this.#withdrawals = new Withdrawals(options)
    this.#life = life
    for (const { owner, zone, start, lanes, names, bytes } of copies) {
      const record = {
        zone,
        start,
        syncedStart: start,
        heardAtMs: Number.NEGATIVE_INFINITY,
        holdings: new Holdings(lanes),
        names: new LaneNames(names, options.mutant),
        bytes,
        withdrawals: 0,
      }
      this.#owners.set(owner, record)
      this.#bytes += bytes
    }
  }

  get bytes(): number {
    return this.#bytes
  }

  get writingBytes(): number {
    return this.#writingBytes
  }

  /** Owners of which something is held. */
  get owners(): string[] {
    const held: string[] = []
    for (const [owner, { holdings }] of this.#owners) if (holdings.laneCount > 0) held.push(owner)
    return held
  }

  holdingsOf(owner: string): Holdings | undefined {
    return this.#owners.get(owner)?.holdings
  }

  factsOf(owner: string): OwnerFacts {
    const record = this.#owners.get(owner)
    return { owner, zone: record?.zone ?? '', start: record?.start ?? 0 }
  }

  bytesOf(owner: string): number {
    return this.#owners.get(owner)?.bytes ?? 0
  }

  namesOf(owner: string, lane: Lane): number {
    return this.#owners.get(owner)?.names.count(lane) ?? 0
  }

  /** Answers a greeting once the start it names is on disk here: a restart must not forget whom to refuse. */
  hello(from: string, hello: Hello, nowMs: number): KeeperAction[] {
    this.#nowMs = nowMs
    const record = this.#recordOf(from, hello.zone)
    if (!record) return [this.#refused(from, 'lanes')]
    if (hello.start > startMax) return [this.#refused(from, 'future')]
    if (hello.start >= record.start) record.heardAtMs = nowMs
    if (hello.start <= record.syncedStart) return [this.#welcome(from, record, hello)]
    if (this.#writing.size >= writesMax) return [this.#refused(from, 'busy')]
    if (hello.start > record.start) record.zone = hello.zone
    record.start = Math.max(record.start, hello.start)
    return [this.#keep(from, undefined, { to: from, start: hello.start, hello })]
  }

  names(from: string, { storeId, start, firstId, count, entries }: Names): KeeperAction[] {
    const record = this.#owners.get(from)
    if (!record || start < record.start) return [this.#refused(from, 'old_start')]
    if (this.#lacksLaneFor(record.names, { storeId, start })) return [this.#refused(from, 'lanes')]
    return this.#keepNames(from, record, { storeId, start }, { firstId, count, entries })
  }

  #keepNames(owner: string, record: Copies, { storeId, start }: Lane, chunk: NamesChunk): KeeperAction[] {
    const { firstId, count, entries } = chunk
    if (!record.names.add({ storeId, start }, firstId, count)) return []
    return [{ kind: 'keepNames', owner, storeId, start, firstId, count, entries }]
  }

  /** An older lane takes the names that its rows need from the start that ships them: that one read them from the lane's own disk. */
  #copyNames(owner: string, { names }: Copies, { storeId, start, ownerStart, idsTo }: Append): KeeperAction[] {
    const firstId = names.count({ storeId, start })
    if (firstId >= idsTo) return []
    const count = idsTo - firstId
    names.add({ storeId, start }, firstId, count)
    return [{ kind: 'copyNames', owner, storeId, start, ofStart: ownerStart, firstId, count }]
  }

  #lacksLaneFor(known: { has(lane: Lane): boolean; readonly laneCount: number }, lane: Lane): boolean {
    return !known.has(lane) && known.laneCount >= this.#options.lanesMax
  }

  append(from: string, message: Append, nowMs: number): KeeperAction[] {
    this.#nowMs = nowMs
    const record = message.owner === from ? this.#recordOf(from, message.zone) : undefined
    const reason = message.owner === from ? this.#reasonToRefuse(record, message) : 'owner'
    if (reason !== undefined || !record) {
      const room = reason === 'no_room' ? this.makeRoom(message.rows.length) : []
      return [...this.#refuse(from, message, reason ?? 'lanes', record), ...room]
    }
    if (record.holdings.missing(message, message).length === 0)
      return [this.#ack(from, record, message, message.ownerStart)]
    if (this.#isWriting(from, message)) return []
    if (message.ownerStart > record.start) record.zone = message.zone
    record.start = Math.max(record.start, message.ownerStart)
    record.heardAtMs = nowMs
    const named = this.#copyNames(from, record, message)
    const actions = [...named, this.#keep(from, rowsOf(message), { to: from, start: message.ownerStart })]
    if (this.#options.mutant === 'acknowledged_before_synced') {
      record.holdings.add(message, message)
      actions.push(this.#ack(from, record, message, message.ownerStart))
    }
    return actions
  }

  #reasonToRefuse(record: Copies | undefined, message: Append): Refusal | undefined {
    if (!record) return 'lanes'
    if (message.ownerStart < record.start && this.#options.mutant !== 'old_session_accepted') return 'old_start'
    if (message.start > message.ownerStart || message.ownerStart > startMax) return 'future'
    const { storeId, ownerStart, idsTo } = message
    const { holdings, names } = record
    const shipping = { storeId, start: ownerStart }
    if (this.#lacksLaneFor(holdings, message) || this.#lacksLaneFor(names, shipping)) return 'lanes'
    if (names.count(message) < idsTo && names.count(shipping) < idsTo) return 'names'
    return this.reasonForNoRoom(message.rows.length)
  }

  /** Why rows of this many bytes cannot be taken now. */
  reasonForNoRoom(bytes: number): 'no_room' | 'busy' | undefined {
    if (this.#bytes + this.#writingBytes + bytes > this.#options.bytesMax) return 'no_room'
    return this.#writingBytes + bytes > this.#options.writingBytesMax ? 'busy' : undefined
  }

  /** Keeps rows that were fetched from another holder. */
  adopt(facts: OwnerFacts, rows: KeptRows): KeeperAction[] {
    const record = this.#recordOf(facts.owner, facts.zone)
    if (!record || this.#isWriting(facts.owner, rows)) return []
    return [this.#keep(facts.owner, rows, undefined)]
  }

  /** Names that came with fetched rows. */
  adoptNames(owner: string, lane: Lane, names: NamesChunk): KeeperAction[] {
    const record = this.#recordOf(owner, '')
    return record && names.count > 0 ? this.#keepNames(owner, record, lane, names) : []
  }

  /** Takes in what another holder knows of an owner. */
  learn({ owner, zone, start }: OwnerFacts): void {
    const record = this.#recordOf(owner, zone)
    if (!record) return
    if (start > record.start) record.heardAtMs = Number.NEGATIVE_INFINITY
    record.start = Math.max(record.start, Math.min(start, startMax))
    if (record.zone === '') record.zone = zone
  }

  #isWriting(owner: string, rows: Lane & ArrivalRange): boolean {
    for (const writing of this.#writing.values()) {
      const same = writing.rows
      if (same && writing.facts.owner === owner && laneKey(same) === laneKey(rows)) {
        if (same.from <= rows.from && same.to >= rows.to) return true
      }
    }
    return false
  }

  #keep(owner: string, rows: KeptRows | undefined, answer: Answer | undefined): KeeperAction {
    const id = this.#nextId++
    const facts = this.factsOf(owner)
    this.#writing.set(id, { facts, rows, answer })
    this.#writingBytes += rows?.rows.length ?? 0
    return { kind: 'keep', id, facts, rows }
  }

  /** Names from this id on could not be written: rows that use them do not count as kept, and the owner sends them again. */
  namesLost(owner: string, lane: Lane, firstId: number): void {
    this.#owners.get(owner)?.names.lose(lane, firstId)
  }

  /** The disk's answer to `keep`. Only now is anything acknowledged. */
  kept(id: number, isSynced: boolean, nowMs: number): KeeperAction[] {
    this.#nowMs = nowMs
    const writing = this.#writing.get(id)
    const record = writing && this.#owners.get(writing.facts.owner)
    this.#writing.delete(id)
    if (!writing || !record) return []
    const { facts, rows, answer } = writing
    this.#writingBytes -= rows?.rows.length ?? 0
    if (isSynced) record.syncedStart = Math.max(record.syncedStart, facts.start)
    const reason = isSynced ? 'names' : 'disk'
    if (!isSynced || (rows && rows.idsTo > record.names.count(rows))) {
      return rows && answer ? this.#refuse(answer.to, { ...rows, ownerStart: answer.start }, reason, record) : []
    }
    if (!rows) return answer?.hello ? [this.#welcome(answer.to, record, answer.hello)] : []
    record.holdings.add(rows, rows)
    record.bytes += rows.rows.length
    this.#bytes += rows.rows.length
    const actions = answer ? [this.#ack(answer.to, record, rows, answer.start)] : []
    return [...actions, ...this.makeRoom()]
  }

  /** Begins an eviction when the area is nearly full, or too full for this many bytes more. */
  makeRoom(bytesMore = 0): KeeperAction[] {
    const { bytesMax } = this.#options
    const isFull = this.#bytes > bytesMax * evictAbove || this.#bytes + bytesMore > bytesMax
    if (this.#evicting !== undefined || !isFull) return []
    let most: string | undefined
    let mostBytes = 0
    for (const [owner, { bytes }] of this.#owners) {
      if (bytes > mostBytes) [most, mostBytes] = [owner, bytes]
    }
    if (most === undefined) return []
    this.#evicting = most
    const bytes = Math.min(mostBytes, this.#bytes + bytesMore - bytesMax * evictTo)
    return [{ kind: 'findOldest', owner: most, bytes }]
  }

  /** The answer to `findOldest`: nothing found, or everything of a lane up to `to` shall go. */
  oldest(owner: string, found: (Lane & { readonly to: number }) | undefined, nowMs: number): KeeperAction[] {
    const record = this.#owners.get(owner)
    if (!found || !record) {
      this.#evicting = undefined
      return []
    }
    const tellsNobody = this.#options.mutant === 'evicted_in_silence' || owner === this.#options.host
    if (tellsNobody) return [{ kind: 'evict', owner, ...found }]
    record.holdings.evict(found, found.to)
    const { storeId, start, to } = found
    return this.#withdraw(owner, record, { storeId, start, ranges: [], floor: to }, true, nowMs)
  }

  #withdraw(owner: string, record: Copies, lane: LaneHolding, evicts: boolean, nowMs: number): KeeperAction[] {
    record.withdrawals++
    const id = this.#nextId++
    const message = { verb: 'withdraw', ...lane, id, version: this.#versionOf(record) } as const
    return this.#withdrawals.begin(owner, message, evicts, nowMs)
  }

  /** The owner does not count on it any more. */
  withdrawn(from: string, id: number): KeeperAction[] {
    return this.#withdrawals.understood(from, id)
  }

  /** The disk's answer to `evict`. */
  evicted(owner: string, lane: Lane & { readonly to: number }, bytes: number): KeeperAction[] {
    const record = this.#owners.get(owner)
    record?.holdings.evict(lane, lane.to)
    if (record) record.bytes -= bytes
    if (record) this.#bytes -= bytes
    this.#evicting = undefined
    // nothing freed: the disk refused, and whoever needs the room asks again
    return bytes > 0 ? this.makeRoom() : []
  }

  /** Rows that cannot be read any more; they were put aside. */
  damaged(owner: string, lane: Lane, ranges: readonly ArrivalRange[], bytes: number, nowMs: number): KeeperAction[] {
    const record = this.#owners.get(owner)
    if (!record) return []
    record.bytes -= bytes
    this.#bytes -= bytes
    record.holdings.remove(lane, ranges)
    if (owner === this.#options.host) return []
    const { storeId, start } = lane
    const floor = record.holdings.laneSummary(lane).floor
    return this.#withdraw(owner, record, { storeId, start, ranges, floor }, false, nowMs)
  }

  /** Forgets copies that are not needed here any more, but not whom to refuse. What is being written must be done. */
  drop(owner: string): void {
    const record = this.#owners.get(owner)
    if (!record) return
    this.#bytes -= record.bytes
    record.bytes = 0
    record.holdings = new Holdings()
    record.names.clear()
    this.#withdrawals.forget(owner)
  }

  /** Is something of this owner being written or evicted? */
  isBusyWith(owner: string): boolean {
    if (this.#evicting === owner) return true
    for (const writing of this.#writing.values()) if (writing.facts.owner === owner) return true
    return false
  }

  /** Repeats withdrawals; gives up on owners that are not there. */
  tick(nowMs: number, isAlive: (host: string) => boolean): KeeperAction[] {
    return this.#withdrawals.tick(nowMs, isAlive)
  }

  #recordOf(owner: string, zone: string): Copies | undefined {
    const known = this.#owners.get(owner)
    if (known) return known
    if (this.#owners.size >= this.#options.ownersMax && !this.#forgetOne()) return undefined
    const made = {
      zone,
      start: 0,
      syncedStart: 0,
      heardAtMs: Number.NEGATIVE_INFINITY,
      holdings: new Holdings(),
      names: new LaneNames([], this.#options.mutant),
      bytes: 0,
      withdrawals: 0,
    }
    this.#owners.set(owner, made)
    return made
  }

  /** Makes room by forgetting an owner of which nothing is held. */
  #forgetOne(): boolean {
    for (const [owner, { holdings }] of this.#owners) {
      if (holdings.laneCount === 0 && !this.isBusyWith(owner)) return this.#owners.delete(owner)
    }
    return false
  }

  #knownAgoMs({ heardAtMs }: Copies): number {
    return heardAtMs === Number.NEGATIVE_INFINITY ? -1 : Math.max(0, Math.round(this.#nowMs - heardAtMs))
  }

  #versionOf(record: Copies): number {
    return this.#life + record.withdrawals
  }

  #welcome(to: string, record: Copies, hello: Hello): KeeperAction {
    const message: RingMessage = {
      verb: 'welcome',
      id: hello.id,
      start: hello.start,
      knownStart: record.start,
      knownAgoMs: this.#knownAgoMs(record),
      lanes: record.holdings.summary(),
      names: record.names.count(hello),
      version: this.#versionOf(record),
    }
    return { kind: 'send', to, message }
  }

  /** Says what is held of the range, not of the whole lane. */
  #ack(to: string, record: Copies, range: Lane & ArrivalRange, ownerStart: number): KeeperAction {
    const { storeId, start, from } = range
    const { floor } = record.holdings.laneSummary({ storeId, start })
    const ranges = range.to > floor ? [{ from: Math.max(from, floor + 1), to: range.to }] : []
    const names = record.names.count({ storeId, start: ownerStart })
    const version = this.#versionOf(record)
    return { kind: 'send', to, message: { verb: 'ack', storeId, start, ranges, floor, names, version } }
  }

  #refuse(
    to: string,
    range: Pick<Append, 'storeId' | 'start' | 'ownerStart' | 'from' | 'to'>,
    reason: Refusal,
    record: Copies | undefined,
  ): KeeperAction[] {
    const { storeId, start, from, ownerStart } = range
    const names = record?.names.count({ storeId, start: ownerStart }) ?? 0
    const knownStart = record?.start ?? 0
    const knownAgoMs = record ? this.#knownAgoMs(record) : -1
    const span = { storeId, start, from, to: range.to }
    const message: RingMessage = { verb: 'refuse', ...span, reason, knownStart, knownAgoMs, names }
    return [{ kind: 'send', to, message }, this.#refused(to, reason)]
  }

  #refused(from: string, reason: Refusal): KeeperAction {
    return { kind: 'refused', from, reason }
  }
}

function rowsOf({ storeId, start, from, to, idsTo, rows }: Append): KeptRows {
  return { storeId, start, from, to, idsTo, rows }
}
