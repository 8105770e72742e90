/**
 * The agent's half of orders, without I/O: what is recorded, started and told, and in which order. The disk has an order as
 * `started` before its handler hears of it, and its outcome before the controller does; a start without an outcome is never tried
 * again (a handler that can may find out what became of it). Each order that is known by its id is answered from the journal, however often it comes; a row is removed only once its
 * order, and every older one it supersedes, has expired, and the floor remembers that. So nothing has two effects.
 */
import type { Order } from '#protocol/orders/order.ts'
import { PendingWrites } from '#protocol/orders/pending-writes.ts'
import type { OrderReport } from '#protocol/orders/report.ts'
import { isTerminal, type JournalState } from '#protocol/orders/states.ts'
import { backoffCeilingMs } from '#protocol/runtime/backoff.ts'
import { expiredHere, supersededHere } from './journal-ends.ts'
import { type Entry, isToTell, JournalEntries } from './journal-entries.ts'
import type {
  HandlerEnd,
  JournalAction,
  JournalCoreOptions,
  JournalCounters,
  JournalEvent,
  Refusal,
} from './journal-events.ts'
import { factsWithout, type JournalFacts, type JournalRow } from './journal-row.ts'

/** Rows of messages that nobody we know signed; more are counted and not answered. */
export const unverifiedMax = 256
/** An end that nobody acknowledges is kept for so long after its time, ms. */
export const unacknowledgedMs = 604_800_000
/** How often an end is told until it is acknowledged: first after this, ms, then twice as long, up to the cap. */
const telling = { baseMs: 1000, capMs: 60_000 }
/** Ends told again at one time. */
const tellingsMax = 100
/** A write that failed is tried again after this, ms. */
const rewriteMs = 1000

export class JournalCore {
  readonly #options: JournalCoreOptions
  readonly #entries = new JournalEntries()
  readonly #pending = new PendingWrites<JournalRow>()
  readonly #counts = { received: 0, repeated: 0, started: 0, forgotten: 0 }
  readonly #refused: Record<string, number> = {}
  #facts: JournalFacts
  #rewriteAtMs = 0
  #isStopping = false
  #actions: JournalAction[] = []
  readonly #resumed: JournalAction[] = []

  /** Takes up what the disk has; the first step tells what became of orders that were under way. */
  constructor(options: JournalCoreOptions, facts: JournalFacts, rows: readonly JournalRow[]) {
    this.#options = options
    this.#facts = facts
    for (const row of rows) this.#restore(row)
  }

  get facts(): JournalFacts {
    return this.#facts
  }

  /** Orders that are not over. */
  get open(): number {
    return this.#entries.waiting.size + this.#entries.running.size
  }

  get counters(): JournalCounters {
    return { ...this.#counts, refused: this.#refused }
  }

  /** @param nowMs controller time, which never goes back */
  step(event: JournalEvent, nowMs: number): JournalAction[] {
    this.#actions = this.#resumed.splice(0)
    this.#apply(event, nowMs)
    this.#schedule(nowMs)
    this.#write(nowMs)
    return this.#actions
  }

  #apply(event: JournalEvent, nowMs: number): void {
    switch (event.kind) {
      case 'received':
        return this.#receive(event.order, nowMs)
      case 'unverified':
        return this.#refuse(event, nowMs)
      case 'recorded':
        return this.#recorded(nowMs)
      case 'unrecorded':
        return this.#unrecorded(event.reason, nowMs)
      case 'finished':
        return this.#finish(event.id, event.end)
      case 'settled':
        return this.#settle(event.ids)
      case 'connected':
        return this.#tellAll(nowMs)
      case 'stop':
        this.#isStopping = true
        return
      case 'tick':
        return this.#tick(nowMs)
    }
  }

  #restore(row: JournalRow): void {
    const runsAgain = row.state === 'started' && this.#options.mutant === 'run_again_after_restart'
    const entry = this.#entries.add(runsAgain ? { ...row, state: 'received' } : row, row.state)
    if (row.state !== 'started' || runsAgain) return
    if (this.#options.resumes?.has(row.verb)) return this.#resume(entry)
    const reason = 'the agent ended while it was carried out: what it did is not known'
    this.#change(entry, { state: 'interrupted', code: 'INTERRUPTED', reason, body: '' })
  }

  /** It goes on where it was: the first step says so. */
  #resume({ row }: Entry): void {
    this.#entries.begin(row)
    this.#resumed.push({ kind: 'resume', row })
  }

  #receive(order: Order, nowMs: number): void {
    this.#counts.received++
    const { id } = order
    if (order.target !== this.#options.target) {
      const refusal = { code: 'ORDER_FOREIGN', reason: `this is ${this.#options.target}, not ${order.target}` }
      return this.#refuse({ id, verb: order.verb, refusal }, nowMs)
    }
    if (order.journal !== this.#facts.journal)
      return this.#defer(id, 'JOURNAL_OTHER', 'it is meant for another journal')
    if (order.session < this.#facts.session) return this.#defer(id, 'SESSION_OLD', 'a newer controller has spoken')
    if (order.session > this.#facts.session) this.#facts = { ...this.#facts, session: order.session }
    const known = this.#entries.get(id)
    if (known) return this.#repeat(known)
    if (this.#isOver(order)) return
    if (!this.#hasRoom(order)) this.#prune(nowMs)
    if (!this.#hasRoom(order)) {
      const { size, bytes } = this.#entries
      return this.#defer(id, 'JOURNAL_FULL', `the journal has ${size} orders of ${bytes} bytes`)
    }
    this.#admit(order, nowMs)
  }

  #hasRoom({ body }: Order): boolean {
    const { rowsMax, bytesMax } = this.#options
    return this.#entries.size < rowsMax && this.#entries.bytes + body.length <= bytesMax
  }

  #repeat(known: Entry): void {
    this.#counts.repeated++
    if (known.recorded !== undefined && known.recorded === known.row.state) this.#report(known.row)
  }

  /** Expired so long ago that its row may be gone: told so without a new one. */
  #isOver({ id, expiresMs }: Order): boolean {
    const { floorMs, forgottenMs } = this.#facts
    if (expiresMs > floorMs) return false
    if (expiresMs <= forgottenMs) {
      this.#tell({ id, state: 'interrupted', code: 'FORGOTTEN', reason: 'the journal no longer has what became of it' })
    } else {
      this.#tell({ id, state: 'expired', code: 'EXPIRED', reason: 'it came after its time' })
    }
    return true
  }

  #admit(order: Order, nowMs: number): void {
    const { id, verb, key, generation, issuedMs, expiresMs, keepUntilMs, body } = order
    const newest = this.#entries.newestOf(key)
    const fate = this.#fateOf(order, newest, nowMs)
    if (generation > newest) this.#supersede(key)
    const times = { issuedMs, expiresMs, keepUntilMs }
    const row: JournalRow = { id, verb, key, generation, ...times, state: 'received', body, isAcknowledged: false }
    this.#change(this.#entries.add(fate ? { ...row, ...fate, body: '' } : row, undefined), {})
    if (fate) this.#count(fate.code)
  }

  /** What an order comes to that is not even queued. */
  #fateOf(order: Order, newest: number, nowMs: number): (Refusal & { readonly state: JournalState }) | undefined {
    if (order.expiresMs <= nowMs) return { state: 'expired', code: 'EXPIRED', reason: 'it came after its time' }
    if (order.generation <= newest) return supersededHere
    const refusal = this.#options.refusalOf(order.verb)
    return refusal && { state: 'refused', ...refusal }
  }

  /** All older orders for the key are outdated: those not started never will be. */
  #supersede(key: string): void {
    for (const id of this.#entries.waiting) {
      const entry = this.#entries.get(id)
      if (entry?.row.key === key) this.#end(entry, supersededHere)
    }
    const running = this.#entries.running.get(key)
    const entry = running === undefined ? undefined : this.#entries.get(running)
    if (!entry) return
    entry.isHurried = true
    if (entry.recorded === 'started') this.#actions.push({ kind: 'hurry', id: entry.row.id })
  }

  /** Remembers the id, so that nothing under it is ever carried out: the controller takes a refusal for an end. */
  #refuse({ id, verb, refusal }: Omit<Extract<JournalEvent, { kind: 'unverified' }>, 'kind'>, nowMs: number): void {
    this.#count(refusal.code)
    const known = this.#entries.get(id)
    if (known) return this.#repeat(known)
    if (this.#entries.unverified >= unverifiedMax || this.#entries.size >= this.#options.rowsMax) return
    const untilMs = nowMs + unacknowledgedMs
    const times = { issuedMs: nowMs, expiresMs: untilMs, keepUntilMs: untilMs }
    const row = { id, verb, key: id, generation: 0, ...times, body: '', isAcknowledged: false }
    this.#change(this.#entries.add({ ...row, state: 'refused', ...refusal }, undefined), {})
  }

  #finish(id: string, end: HandlerEnd): void {
    const entry = this.#entries.get(id)
    if (entry?.row.state === 'started') this.#end(entry, end)
  }

  #end(entry: Entry, end: Partial<JournalRow>): void {
    this.#entries.leave(entry.row.id, entry.row.key)
    this.#change(entry, { ...end, body: '' })
  }

  #settle(ids: readonly string[]): void {
    for (const id of ids) {
      const entry = this.#entries.get(id)
      if (!entry || entry.row.isAcknowledged || entry.recorded !== entry.row.state || !isTerminal(entry.row.state))
        continue
      this.#entries.change(entry, { isAcknowledged: true })
      this.#pending.mark(id, false)
    }
  }

  #tick(nowMs: number): void {
    for (const id of this.#entries.waiting) {
      const entry = this.#entries.get(id)
      if (entry && entry.row.expiresMs <= nowMs) this.#end(entry, expiredHere)
    }
    this.#prune(nowMs)
    let left = tellingsMax
    for (const entry of this.#entries.all()) {
      if (left > 0 && isToTell(entry) && entry.tellAtMs <= nowMs) {
        left--
        this.#tellEnd(entry, nowMs)
      }
    }
  }

  #tellAll(nowMs: number): void {
    for (const entry of this.#entries.all()) {
      if (!isToTell(entry)) continue
      entry.tellings = 0
      entry.tellAtMs = nowMs
    }
    this.#tick(nowMs)
  }

  /** Removes rows whose time is over, and remembers that in the floor. */
  #prune(nowMs: number): void {
    for (const { row, recorded } of this.#entries.all()) {
      if (recorded !== row.state || !isTerminal(row.state) || row.keepUntilMs > nowMs) continue
      if (!row.isAcknowledged && row.keepUntilMs + unacknowledgedMs > nowMs) continue
      this.#entries.remove(row)
      this.#pending.mark(row.id, false)
      if (row.generation === 0) continue
      if (!row.isAcknowledged) this.#counts.forgotten++
      if (this.#options.mutant !== 'replay_after_pruning') this.#facts = factsWithout(row, this.#facts)
    }
  }

  /** Starts what may start: one order a key, in order of arrival. */
  #schedule(nowMs: number): void {
    if (this.#isStopping || nowMs < this.#rewriteAtMs) return
    for (const id of this.#entries.waiting) {
      if (this.#entries.running.size >= this.#options.runningMax) return
      const entry = this.#entries.get(id)
      if (!entry || this.#entries.running.has(entry.row.key)) continue
      const { verb, expiresMs } = entry.row
      const refusal = this.#options.refusalOf(verb)
      if (expiresMs <= nowMs) this.#end(entry, expiredHere)
      else if (refusal) this.#end(entry, { state: 'refused', ...refusal })
      else this.#begin(entry)
    }
  }

  #begin(entry: Entry): void {
    this.#entries.begin(entry.row)
    this.#change(entry, { state: 'started' })
    if (this.#options.mutant === 'started_before_synced') this.#start(entry)
  }

  #start({ row, isHurried }: Entry): void {
    this.#counts.started++
    this.#actions.push({ kind: 'start', row })
    if (isHurried) this.#actions.push({ kind: 'hurry', id: row.id })
  }

  #write(nowMs: number): void {
    if (nowMs < this.#rewriteAtMs) return
    const next = this.#pending.next((id) => this.#entries.get(id)?.row)
    if (next) this.#actions.push({ kind: 'write', facts: this.#facts, ...next })
  }

  #recorded(nowMs: number): void {
    for (const [id, row] of this.#pending.finish()) {
      const entry = this.#entries.get(id)
      if (!row || !entry || entry.recorded === row.state) continue
      entry.recorded = row.state
      if (row.state === 'started' && this.#options.mutant !== 'started_before_synced') this.#start(entry)
      if (isToTell(entry)) this.#tellEnd(entry, nowMs)
      else this.#report(row)
    }
  }

  /** The disk may have it or not: what was never said to be here is forgotten, what has happened is tried again. */
  #unrecorded(reason: string, nowMs: number): void {
    this.#rewriteAtMs = nowMs + rewriteMs
    for (const [id, row] of this.#pending.finish()) {
      const entry = this.#entries.get(id)
      if (row?.state === 'started' && entry?.row.state === 'started') this.#takeBack(entry)
      if (entry && entry.recorded === undefined) {
        this.#entries.remove(entry.row)
        this.#defer(id, 'JOURNAL_UNWRITABLE', reason)
      }
      this.#pending.mark(id, true)
    }
  }

  #takeBack(entry: Entry): void {
    this.#entries.leave(entry.row.id, entry.row.key)
    this.#entries.change(entry, { state: 'received' })
    this.#entries.waiting.add(entry.row.id)
  }

  #change(entry: Entry, change: Partial<JournalRow>): void {
    this.#entries.change(entry, change)
    this.#pending.mark(entry.row.id, true)
  }

  #tellEnd(entry: Entry, nowMs: number): void {
    entry.tellAtMs = nowMs + backoffCeilingMs(entry.tellings++, telling)
    this.#report(entry.row)
  }

  #report({ id, state, code, reason, result }: JournalRow): void {
    this.#tell({ id, state, code, reason, result })
  }

  #defer(id: string, code: string, reason: string): void {
    this.#count(code)
    this.#tell({ id, state: 'deferred', code, reason })
  }

  #tell(report: Omit<OrderReport, 'journal'>): void {
    this.#actions.push({ kind: 'report', report: { ...report, journal: this.#facts.journal } })
  }

  #count(code: string): void {
    this.#refused[code] = (this.#refused[code] ?? 0) + 1
  }
}
