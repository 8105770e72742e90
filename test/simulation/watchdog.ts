import { type Lane, laneKey } from '#agent/ring/lane.ts'
import type { RingAction } from '#agent/ring/node.ts'
import type { RingMessage } from '#agent/ring/ring-message.ts'
import { RangeSet } from '#protocol/samples/arrival.ts'
import { type Ledger, Violation } from './ledger.ts'
import type { SimHost } from './sim-host.ts'

const namesPromise = 'a series has the name that its owner gave it'

/** Sees everything that is said and done, and bites when a promise is broken. */
export class Watchdog {
  readonly #ledger: Ledger
  /** By holder and owner: the newest start of the owner that the holder has answered for. */
  readonly #answered = new Map<SimHost, Map<string, number>>()
  /** The append just delivered, when it came from a start that its holder knows to be over. */
  #superseded: { readonly holder: SimHost; readonly rows: Uint8Array } | undefined
  /** By holder, owner and lane: up to where it withdrew. */
  readonly #withdrawn = new Map<string, number>()

  constructor(ledger: Ledger) {
    this.#ledger = ledger
  }

  sent(from: SimHost, to: string, message: RingMessage): void {
    if (message.verb === 'ack') this.#checkSynced(from, to, message)
    if (message.verb === 'welcome') {
      for (const lane of message.lanes) this.#checkSynced(from, to, lane)
      const answered = this.#answered.get(from) ?? new Map<string, number>()
      this.#answered.set(from, answered.set(to, Math.max(answered.get(to) ?? 0, message.knownStart)))
    }
    if (message.verb === 'withdraw') {
      const key = `${from.host} ${to} ${laneKey(message)}`
      this.#withdrawn.set(key, Math.max(this.#withdrawn.get(key) ?? 0, message.floor))
    }
  }

  /** What is acknowledged is on the disk, and would be there after a power cut. */
  #checkSynced(
    holder: SimHost,
    owner: string,
    lane:
      | Extract<RingMessage, { verb: 'ack' }>
      | {
          readonly storeId: string
          readonly start: number
          readonly ranges: readonly { readonly from: number; readonly to: number }[]
        },
  ): void {
    if (lane.ranges.length === 0) return
    const synced = new RangeSet()
    const key = laneKey(lane)
    for (const rows of holder.disk.copies.rowsOf(owner, true)) if (laneKey(rows) === key) synced.add(rows)
    for (const range of lane.ranges) {
      if (synced.missing(range).length > 0) {
        throw new Violation(
          'an acknowledgement is never ahead of the disk',
          `${holder.host} for ${owner} ${key} ${range.from} to ${range.to}`,
        )
      }
    }
  }

  delivered(from: SimHost, to: SimHost, message: RingMessage): void {
    this.#superseded = undefined
    if (message.verb === 'append') {
      const answered = this.#answered.get(to)?.get(from.host) ?? 0
      if (message.ownerStart < answered) this.#superseded = { holder: to, rows: message.rows }
    }
    if (message.verb === 'ack') this.#ledger.acknowledge(to.host, message, from.host, message.ranges)
  }

  acting(host: SimHost, action: RingAction): void {
    if (action.kind === 'keep') {
      const { rows, facts } = action
      if (rows) this.#ledger.checkRows(facts.owner, rows)
      if (rows && this.#superseded?.holder === host && this.#superseded.rows === rows.rows) {
        throw new Violation('an old start is refused', `${host.host} keeps rows of ${facts.owner} from one`)
      }
      const { bytes, writingBytes } = host.node?.keeper ?? { bytes: 0, writingBytes: 0 }
      if (bytes + writingBytes > host.options.quotaBytes) {
        throw new Violation('the shared area stays within its quota', `${host.host} ${bytes} + ${writingBytes}`)
      }
    }
    if (action.kind === 'evict') {
      const { owner, to } = action
      this.#ledger.evicted(owner, action)
      const withdrawn = this.#withdrawn.get(`${host.host} ${owner} ${laneKey(action)}`) ?? 0
      if (withdrawn < to && owner !== host.host) {
        throw new Violation(
          'nothing is evicted in silence',
          `${host.host} evicts ${owner} up to ${to}, withdrew up to ${withdrawn}`,
        )
      }
    }
  }

  /** A disk is gone: what it said is gone with it. */
  forget(holder: SimHost): void {
    this.#answered.delete(holder)
  }

  /** Every sample that enough holders acknowledged is on some disk that is left. */
  checkReadable(hosts: readonly SimHost[], count: number): void {
    for (const lane of this.#ledger.lanes) {
      const key = laneKey(lane)
      const present = new RangeSet()
      for (const host of hosts) {
        for (const rows of host.disk.copies.rowsOf(lane.owner, true)) if (laneKey(rows) === key) present.add(rows)
        if (host.host === lane.owner) addOwn(host, lane, present)
      }
      for (const position of this.#ledger.acknowledgedBy(lane, count)) {
        if (!present.has(position)) {
          throw new Violation('what is acknowledged stays readable', `${lane.owner} ${key} at ${position} is nowhere`)
        }
      }
    }
  }

  /** Copies have their owner's names, each lane those of its own start: enough for all rows that are held. */
  checkNames(hosts: readonly SimHost[]): void {
    for (const host of hosts) {
      for (const { owner, names: own, ...lane } of this.#ledger.lanes) {
        const { copies } = host.disk
        const names = copies.readNames(owner, lane, 0, Number.MAX_SAFE_INTEGER)
        const wrong = names.findIndex(({ name }, id) => name !== own[id])
        const of = `${host.host} of ${owner} ${laneKey(lane)}`
        if (wrong >= 0) throw new Violation(namesPromise, `${of}: ${names[wrong]?.name} for ${own[wrong]}`)
        const idsTo = idsHeld(host, owner, lane)
        if (idsTo > names.length) throw new Violation(namesPromise, `${of}: ${names.length} names, ${idsTo} ids`)
      }
    }
  }
}

/** The own samples of a lane that are on the owner's disk. */
function addOwn(
  host: SimHost,
  lane: { readonly storeId: string; readonly start: number; readonly contents: ReadonlyMap<number, number> },
  present: RangeSet,
): void {
  if (host.disk.storeId !== lane.storeId) return
  const openings = host.disk.openings
  const i = openings.findIndex(({ start }) => start === lane.start)
  const from = openings[i]?.first
  if (from === undefined) return
  const to = Math.min(host.disk.syncedTo, (openings[i + 1]?.first ?? Number.MAX_SAFE_INTEGER) - 1)
  if (from <= to) present.add({ from, to })
}

/** Ids below this are used by the rows of a lane that a host holds. */
function idsHeld(host: SimHost, owner: string, lane: Lane): number {
  const held = host.node?.keeper.holdingsOf(owner)
  let idsTo = 0
  for (const rows of host.disk.copies.rowsOf(owner, true)) {
    const isOfLane = laneKey(rows) === laneKey(lane)
    if (isOfLane && held?.missing(rows, rows).length === 0) idsTo = Math.max(idsTo, rows.idsTo)
  }
  return idsTo
}
