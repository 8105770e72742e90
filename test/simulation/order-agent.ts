import { ControllerTime } from '#agent/orders/controller-time.ts'
import { JournalCore } from '#agent/orders/journal-core.ts'
import type { JournalAction, JournalEvent } from '#agent/orders/journal-events.ts'
import { type JournalFacts, type JournalRow, newFacts } from '#agent/orders/journal-row.ts'
import type { JournalMutant } from '#agent/orders/mutant.ts'
import type { Order } from '#protocol/orders/order.ts'
import type { OrderReport } from '#protocol/orders/report.ts'
import type { EventQueue } from './event-queue.ts'
import { OrderDisk } from './order-disk.ts'
import type { OrderLedger } from './order-ledger.ts'
import type { Random } from './random.ts'

export interface OrderAgentDeps {
  readonly queue: EventQueue
  readonly random: Random
  readonly ledger: OrderLedger
  readonly report: (agent: OrderAgent, report: OrderReport) => void
  readonly mutant: JournalMutant | undefined
}

/** A machine with the real journal core: its disk, its processes, its handlers. */
export class OrderAgent {
  readonly target: string
  session = 0
  #deps: OrderAgentDeps
  #disk: OrderDisk<JournalFacts, JournalRow>
  #core: JournalCore | undefined
  #time: ControllerTime | undefined
  #life = 0
  #journals = 0

  constructor(target: string, deps: OrderAgentDeps) {
    this.target = target
    this.#deps = deps
    this.#disk = this.#newDisk()
  }

  get isRunning(): boolean {
    return this.#core !== undefined
  }

  get journal(): string {
    return this.#disk.facts.journal
  }

  start(): void {
    if (this.#core) return
    this.session++
    const { target } = this
    const { queue, mutant } = this.#deps
    const { facts, rows } = this.#disk
    this.#time = new ControllerTime(() => queue.nowMs, facts, rows)
    const refusalOf = (verb: string): { code: string; reason: string } | undefined =>
      verb === 'forbidden' ? { code: 'VERB_NOT_ALLOWED', reason: 'forbidden' } : undefined
    const bounds = { rowsMax: 60, bytesMax: 1000, runningMax: 3 }
    this.#core = new JournalCore({ target, refusalOf, ...bounds, resumes: new Set(['renew']), mutant }, facts, rows)
    this.#step({ kind: 'connected' })
    this.#tick(this.#life)
  }

  /** @param losesPower what was not synced is gone too */
  kill(losesPower: boolean): void {
    this.#life++
    this.#core = undefined
    if (losesPower) this.#disk.losePower(this.#deps.random)
  }

  /** The machine comes back with an empty disk. */
  wipe(): void {
    this.kill(true)
    this.#disk = this.#newDisk()
  }

  hear(order: Order): void {
    this.#time?.hear(order.sentMs)
    this.#step({ kind: 'received', order })
  }

  event(event: JournalEvent): void {
    this.#step(event)
  }

  #newDisk(): OrderDisk<JournalFacts, JournalRow> {
    return new OrderDisk(newFacts(`${this.target.replaceAll('.', '-')}-${this.#journals++}`))
  }

  #tick(life: number): void {
    this.#later(500, life, () => {
      this.#step({ kind: 'tick' })
      this.#tick(life)
    })
  }

  #later(ms: number, life: number, run: () => void): void {
    this.#deps.queue.schedule(ms, () => {
      if (this.#life === life) run()
    })
  }

  #step(event: JournalEvent): void {
    for (const action of this.#core?.step(event, this.#time?.now() ?? 0) ?? []) this.#act(action)
  }

  #act(action: JournalAction): void {
    const { random, ledger } = this.#deps
    const life = this.#life
    switch (action.kind) {
      case 'write':
        return this.#write(action)
      case 'report':
        return this.#deps.report(this, action.report)
      case 'start': {
        const { id } = action.row
        ledger.effect(id)
        const state = random.chance(0.8) ? 'done' : 'failed'
        this.#later(random.int(0, 4000), life, () => this.#step({ kind: 'finished', id, end: { state } }))
        return
      }
      case 'resume': {
        const { id } = action.row
        if (ledger.effects(id) === 0) ledger.effect(id)
        this.#later(random.int(0, 4000), life, () => this.#step({ kind: 'finished', id, end: { state: 'done' } }))
        return
      }
      case 'hurry':
    }
  }

  /** A crash before the end of the write leaves it done or not done. */
  #write({ facts, rows, sync }: Extract<JournalAction, { kind: 'write' }>): void {
    const { queue, random } = this.#deps
    const disk = this.#disk
    const life = this.#life
    const isFailing = random.chance(0.02)
    queue.schedule(random.int(1, 30), () => {
      const isAlive = this.#life === life
      const isWritten = isAlive && !isFailing ? true : random.chance(0.5)
      if (disk === this.#disk && isWritten) disk.write({ facts, rows }, sync)
      if (isAlive) this.#step(isFailing ? { kind: 'unrecorded', reason: 'no space' } : { kind: 'recorded' })
    })
  }
}
