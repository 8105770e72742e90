/**
 * The controller's half of orders, without I/O. An order is in the registry, bound to one journal of its host, before it is sent
 * for the first time; from then on only that journal decides what becomes of it, and it is sent again until the journal has told
 * an end. So losing, repeating and reordering messages changes when an order ends, never how, and a crash loses none that was
 * issued.
 */
import { LanistaError } from '#protocol/errors.ts'
import { PendingWrites } from '#protocol/orders/pending-writes.ts'
import type { OrderReport } from '#protocol/orders/report.ts'
import { isTerminal, type OrderState, type TerminalState } from '#protocol/orders/states.ts'
import { backoffCeilingMs } from '#protocol/runtime/backoff.ts'
import { type Entry, OrderBook } from './order-book.ts'
import type { OrderAction, OrderCoreOptions, OrderCounters, OrderEvent, OrderWish } from './order-events.ts'
import type { OrderFacts, OrderRow } from './order-row.ts'

interface Host {
  readonly isHere: boolean
  readonly journal: string | undefined
}

/** How often an order is sent until the journal has it, and afterwards, in case the journal’s word was lost. */
const unanswered = { baseMs: 1000, capMs: 30_000 }
const answered = { baseMs: 30_000, capMs: 300_000 }
/** A write that failed is tried again after this, ms. */
const rewriteMs = 1000
const ranks: readonly OrderState[] = ['queued', 'sent', 'received', 'started']

export class OrderCore {
  readonly #options: OrderCoreOptions
  readonly #book = new OrderBook()
  readonly #pending = new PendingWrites<OrderRow>()
  readonly #hosts = new Map<string, Host>()
  readonly #counts = { issued: 0, sent: 0, reports: 0, strange: 0, conflicts: 0 }
  readonly #settledCounts: Partial<Record<TerminalState, number>> = {}
  #facts: OrderFacts
  #rewriteAtMs = 0
  #actions: OrderAction[] = []

  /** Takes up what the registry has; hosts are unknown until they are told of. */
  constructor(options: OrderCoreOptions, facts: OrderFacts, rows: readonly OrderRow[]) {
    this.#options = options
    this.#facts = facts
    const inOrder = rows.toSorted((a, b) => (a.settledMs ?? a.issuedMs) - (b.settledMs ?? b.issuedMs))
    for (const row of inOrder) this.#book.add(row, row.state)
  }

  /** Controller time, epoch ms. */
  get nowMs(): number {
    return this.#facts.clockMs
  }

  /** Orders that are not over. */
  get open(): number {
    return this.#book.open
  }

  /** Hosts with orders that are not over. */
  targets(): Iterable<string> {
    return this.#book.targets()
  }

  get counters(): OrderCounters {
    return { ...this.#counts, settled: this.#settledCounts }
  }

  get(id: string): OrderRow | undefined {
    return this.#book.get(id)?.row
  }

  /** All that are kept, the oldest first. */
  *rows(): Iterable<OrderRow> {
    for (const { row } of this.#book.all()) yield row
  }

  /** Throws BUSY when one more order for this host is too many. */
  expectRoom(target: string, bytes: number): void {
    const { openMax, hostOpenMax, openBytesMax } = this.#options
    const hasRoom = this.#book.open < openMax && this.#book.openBytes + bytes <= openBytesMax
    const ofHost = this.#book.openOf(target).size
    if (hasRoom && ofHost < hostOpenMax) return
    const found =
      ofHost < hostOpenMax
        ? `${this.#book.open} of all hosts, ${this.#book.openBytes} bytes,`
        : `${ofHost} of ${target}`
    throw new LanistaError('BUSY', `issue the order later: found ${found} that are not over`, { data: { target } })
  }

  /** @param wallMs wall clock; controller time follows it, and stands still while it is behind */
  step(event: OrderEvent, wallMs: number): OrderAction[] {
    this.#actions = []
    const nowMs = Math.max(Math.floor(wallMs), this.#facts.clockMs)
    this.#facts = { ...this.#facts, clockMs: nowMs }
    this.#apply(event, nowMs)
    this.#write(nowMs)
    return this.#actions
  }

  #apply(event: OrderEvent, nowMs: number): void {
    switch (event.kind) {
      case 'issue':
        return this.#issue(event.wish, nowMs)
      case 'cancel':
        return this.#cancel(event.id, nowMs)
      case 'recorded':
        return this.#recorded(nowMs)
      case 'unrecorded':
        return this.#unrecorded(nowMs)
      case 'host':
        return this.#meet(event.target, event, nowMs)
      case 'gone':
        return this.#lose(event.target, nowMs)
      case 'reported':
        return this.#hear(event.target, event.report, nowMs)
      case 'tick':
        return this.#tick(nowMs)
    }
  }

  #issue({ lifetimeMs, ...wish }: OrderWish, nowMs: number): void {
    this.#counts.issued++
    const expiresMs = nowMs + lifetimeMs
    const keepUntilMs = Math.max(expiresMs, ...this.#supersede(wish.target, wish.key, nowMs))
    const generation = Math.max(this.#facts.generation + 1, nowMs)
    this.#facts = { ...this.#facts, generation }
    const times = { issuedMs: nowMs, expiresMs, keepUntilMs }
    const entry = this.#book.add({ ...wish, generation, ...times, state: 'queued' }, undefined)
    this.#pending.mark(wish.id, true)
    this.#bind(entry, nowMs)
  }

  /** Ends older orders for the key that were never sent; when the others expire, whose journal must know the newer one. */
  #supersede(target: string, key: string, nowMs: number): number[] {
    const older = [...this.#book.openOf(target)].filter(({ row }) => row.key === key)
    for (const entry of older) if (entry.row.state === 'queued') this.#end(entry, superseded, nowMs)
    return older.filter(({ row }) => !isTerminal(row.state)).map(({ row }) => row.expiresMs)
  }

  #cancel(id: string, nowMs: number): void {
    const entry = this.#book.get(id)
    if (entry?.row.state !== 'queued') return
    this.#end(entry, { state: 'superseded', code: 'CANCELLED', reason: 'it was taken back' }, nowMs)
  }

  #meet(target: string, { isHere, journal }: Host, nowMs: number): void {
    this.#hosts.set(target, { isHere, journal })
    if (!isHere) return
    for (const entry of this.#book.openOf(target)) {
      const isOther = entry.row.journal !== undefined && journal !== undefined && entry.row.journal !== journal
      if (isOther && this.#options.mutant === 'sent_to_other_journal') this.#change(entry, { journal }, true)
      else if (isOther) this.#end(entry, otherJournal, nowMs)
      else this.#bind(entry, nowMs)
      entry.sendAtMs = nowMs
      entry.sendings = 0
    }
    this.#sendDue(nowMs)
  }

  /** An order that was not sent yet gets the journal it is for, where there is one. */
  #bind(entry: Entry, nowMs: number): void {
    const host = this.#hosts.get(entry.row.target)
    if (entry.row.state !== 'queued' || !host?.isHere) return
    if (host.journal === undefined) return this.#end(entry, noJournal, nowMs)
    this.#change(entry, { state: 'sent', journal: host.journal }, true)
    entry.sendAtMs = nowMs
    if (this.#options.mutant === 'sent_before_synced') this.#send(entry, nowMs)
  }

  #lose(target: string, nowMs: number): void {
    this.#hosts.delete(target)
    for (const entry of this.#book.openOf(target)) this.#end(entry, hostGone, nowMs)
  }

  #hear(target: string, report: OrderReport, nowMs: number): void {
    this.#counts.reports++
    const { id, state } = report
    const entry = this.#book.get(id)
    const isOurs = entry?.row.target === target
    if (!entry || !isOurs || isTerminal(entry.row.state)) {
      if (entry && !isOurs) this.#counts.strange++
      if (isOurs && isTerminal(state) && ![state, 'lost'].includes(entry.row.state)) this.#counts.conflicts++
      if (isTerminal(state) && (!entry || entry.recorded === entry.row.state)) {
        this.#actions.push({ kind: 'acknowledge', target, id })
      }
      return
    }
    if (report.journal !== entry.row.journal) this.#counts.strange++
    else this.#take(entry, report, nowMs)
  }

  #take(entry: Entry, report: OrderReport, nowMs: number): void {
    const { state, code, reason, progress, result } = report
    if (state === 'deferred') {
      this.#book.change(entry, { code, reason })
    } else if (isTerminal(state)) {
      this.#end(entry, { state, code, reason, result }, nowMs)
    } else if (ranks.indexOf(state) > ranks.indexOf(entry.row.state)) {
      this.#change(entry, { state, code, reason, progress }, false)
      entry.sendings = 0
      entry.sendAtMs = nowMs + answered.baseMs
    } else if (state === entry.row.state && progress !== undefined) {
      this.#book.change(entry, { progress })
    }
  }

  #tick(nowMs: number): void {
    for (const target of this.#book.targets()) {
      for (const entry of this.#book.openOf(target)) {
        if (entry.row.state === 'queued' && entry.row.expiresMs <= nowMs) this.#end(entry, neverSent, nowMs)
      }
    }
    this.#sendDue(nowMs)
    this.#prune(nowMs)
  }

  /** Sends again what has no end yet, a few at a time. */
  #sendDue(nowMs: number): void {
    let left = this.#options.sendsMax
    for (const target of this.#book.targets()) {
      if (!this.#hosts.get(target)?.isHere) continue
      for (const entry of this.#book.openOf(target)) {
        if (left === 0) return
        if (!isSendable(entry) || entry.sendAtMs > nowMs) continue
        left--
        this.#send(entry, nowMs)
      }
    }
  }

  #send(entry: Entry, nowMs: number): void {
    const { row } = entry
    if (row.journal === undefined || !this.#hosts.get(row.target)?.isHere) return
    const pace = row.state === 'sent' ? unanswered : answered
    entry.sendAtMs = nowMs + backoffCeilingMs(entry.sendings++, pace)
    this.#counts.sent++
    this.#actions.push({ kind: 'send', row, journal: row.journal, sentMs: nowMs })
  }

  #prune(nowMs: number): void {
    const { settledMax, settledBytesMax, settledKeepMs } = this.#options
    for (const entry of this.#book.settled()) {
      const isOld = (entry.row.settledMs ?? 0) + settledKeepMs <= nowMs
      const isMany = this.#book.settledSize > settledMax || this.#book.settledBytes > settledBytesMax
      if (!isOld && !isMany) return
      if (entry.recorded !== entry.row.state) continue
      this.#book.remove(entry)
      this.#pending.mark(entry.row.id, false)
    }
  }

  #end(entry: Entry, end: Partial<OrderRow> & { readonly state: TerminalState }, nowMs: number): void {
    this.#settledCounts[end.state] = (this.#settledCounts[end.state] ?? 0) + 1
    this.#change(entry, { ...end, body: '', settledMs: nowMs }, true)
  }

  #change(entry: Entry, change: Partial<OrderRow>, sync: boolean): void {
    this.#book.change(entry, change)
    this.#pending.mark(entry.row.id, sync)
  }

  #write(nowMs: number): void {
    if (nowMs < this.#rewriteAtMs) return
    const next = this.#pending.next((id) => this.#book.get(id)?.row)
    if (next) this.#actions.push({ kind: 'write', facts: this.#facts, ...next })
  }

  #recorded(nowMs: number): void {
    for (const [id, row] of this.#pending.finish()) {
      const entry = this.#book.get(id)
      if (!row || !entry) continue
      const before = entry.recorded
      entry.recorded = row.state
      if (before === undefined) this.#actions.push({ kind: 'issued', row })
      if (before === row.state) continue
      if (row.state === 'sent' && entry.row.state === 'sent') this.#send(entry, nowMs)
      if (isTerminal(row.state)) this.#settle(row)
    }
  }

  #settle(row: OrderRow): void {
    const { target, id } = row
    if (row.journal !== undefined) this.#actions.push({ kind: 'acknowledge', target, id })
    this.#actions.push({ kind: 'settled', row })
  }

  /** New orders were never issued, and are removed should the disk have them; what has happened is written again. */
  #unrecorded(nowMs: number): void {
    this.#rewriteAtMs = nowMs + rewriteMs
    for (const id of this.#pending.finish().keys()) {
      const entry = this.#book.get(id)
      this.#pending.mark(id, true)
      if (!entry || entry.recorded !== undefined) continue
      this.#book.remove(entry)
      this.#actions.push({ kind: 'unissued', id })
    }
  }
}

const superseded = {
  state: 'superseded',
  code: 'SUPERSEDED',
  reason: 'a newer order for the same key was issued',
} as const
const noJournal = {
  state: 'refused',
  code: 'ORDERS_NOT_TAKEN',
  reason: 'the agent has no order key, so it takes no orders',
} as const
const otherJournal = {
  state: 'lost',
  code: 'JOURNAL_CHANGED',
  reason: 'the host has another journal: what became of it is not known',
} as const
const hostGone = { state: 'lost', code: 'HOST_GONE', reason: 'the host is gone for good' } as const
const neverSent = {
  state: 'expired',
  code: 'EXPIRED',
  reason: 'the host was not there before its time was over',
} as const

/** The registry knows which journal it is for. */
function isSendable({ row, recorded }: Entry): boolean {
  return row.journal !== undefined && recorded !== undefined && recorded !== 'queued'
}
